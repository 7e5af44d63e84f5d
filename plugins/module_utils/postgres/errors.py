"""What can go wrong with a database, in words that name what to change."""

from __future__ import annotations

import psycopg2

__all__ = ["Away", "BackupRefused", "DatabaseError", "in_words", "is_away"]


class DatabaseError(Exception):
    """A database, or one of its tools, did not do what was asked. The message never holds a password."""


class Away(DatabaseError):
    """Nobody answers there, or what does is just starting, stopping or recovering: no code reaches it."""


class BackupRefused(DatabaseError):
    """A backup that nothing may be built on. ``reason`` is one word for programs.

    ``missing``, ``unreadable``, ``empty``, ``truncated``, ``changed``, ``stale``, ``wrong_database``,
    ``tool_too_old``, ``not_restorable`` or ``differs``.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


_SIGNS = (
    ("could not translate host name", "the host name does not resolve: check the host in postgres_dsn"),
    ("name or service not known", "the host name does not resolve: check the host in postgres_dsn"),
    ("connection refused", "nothing listens there: check host and port in postgres_dsn, and that it runs"),
    ("no route to host", "the host cannot be reached: check the host in postgres_dsn and the firewall"),
    ("timeout expired", "no answer in time: check the host in postgres_dsn and the firewall"),
    ("password authentication failed", "user or password is wrong: check both in postgres_dsn"),
    ("no password supplied", "postgres_dsn holds no password, and the server asks for one"),
    (
        "no pg_hba.conf entry",
        "the server does not let this user in from here: check user, sslmode and pg_hba",
    ),
    ("certificate verify failed", "its certificate is not trusted: check sslrootcert in postgres_dsn"),
    ("server certificate for", "its certificate is for another name: check the host in postgres_dsn"),
    ("root certificate file", "the CA file is not there: check sslrootcert in postgres_dsn"),
    ("server does not support ssl", "it offers no TLS, and sslmode in postgres_dsn asks for it"),
    ("too many clients", "it has no connection free"),
    ("remaining connection slots", "it has no connection free"),
    ("too many connections for database", "the database has reached its connection limit (or is fenced)"),
    ("not currently accepting connections", "the database accepts no connections (it may be fenced)"),
    ("the database system is starting up", "the server is starting up"),
    ("the database system is shutting down", "the server is shutting down"),
    ("in recovery mode", "the server is recovering from a crash"),
    ("canceling statement due to lock timeout", "a lock was not free in time: somebody else holds it"),
    ("canceling statement due to statement timeout", "the statement took longer than allowed"),
    ("no space left on device", "its disk is full"),
    ("read-only transaction", "it is read-only: a standby, or a fenced database"),
    ("being accessed by other users", "other sessions are connected to it"),
    ("server closed the connection", "the server went away"),
    ("connection has been closed unexpectedly", "the server went away"),
    ("terminating connection", "the server ended the connection"),
    ("connection already closed", "the connection is gone"),
    ("could not receive data", "the connection broke"),
)


_AWAY = (
    "could not translate host name",
    "name or service not known",
    "connection refused",
    "no route to host",
    "network is unreachable",
    "timeout expired",
    "the database system is starting up",
    "the database system is shutting down",
    "in recovery mode",
    "server closed the connection",
    "could not receive data",
)


def is_away(error: psycopg2.Error) -> bool:
    """Whether a connection failed because nobody is there, and not because it was not let in."""
    text = str(error).lower()
    return any(sign in text for sign in _AWAY)


def in_words(error: psycopg2.Error | str) -> str:
    """The fault behind an error, in one line; of an unknown one PostgreSQL's own first line."""
    text = str(error).strip()
    if 'database "' in text and "does not exist" in text:
        return "there is no such database: check the name in postgres_dsn"
    lowered = text.lower()
    for sign, meaning in _SIGNS:
        if sign in lowered:
            return meaning
    first = text.splitlines()[0] if text else ""
    return first.removeprefix("ERROR:").removeprefix("FATAL:").strip()
