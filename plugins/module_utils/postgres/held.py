"""A table that somebody else holds: it is waited for once, and left out of what is looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import psycopg2.errors

from .catalog import tables
from .connect import Connection
from .errors import in_words
from .fingerprint import Fingerprint, fingerprint

__all__ = ["Held", "countable", "hurry", "is_held", "leaving_out"]

_LOCK_NOT_AVAILABLE = "55P03"


class Held(Exception):
    """It could not be read in time; the message says why."""


def is_held(error: psycopg2.Error) -> bool:
    """Whether somebody else's lock was in the way."""
    return bool(error.pgcode == _LOCK_NOT_AVAILABLE)


def hurry(connection: Connection) -> None:
    """Wait for no other lock as long: who holds one table mostly holds others."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")


@contextmanager
def leaving_out(connection: Connection, until: float | None = None) -> Iterator[None]:
    """A part of a read-only transaction that goes on without it. Raises :class:`Held`.

    ``until`` is when it has to be done, by ``time.monotonic()``; ``None``: the connection's own time-outs hold.
    """
    left = None if until is None else int((until - time.monotonic()) * 1000)
    if left is not None and left <= 0:
        raise Held("there was no time left for it")
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT knowngood_held")
        if left is not None:
            cursor.execute("SELECT pg_catalog.set_config('statement_timeout', %s, true)", (f"{left}ms",))
        try:
            yield
        except psycopg2.Error as error:
            late = left is not None and isinstance(error, psycopg2.errors.QueryCanceled)
            if not late and not is_held(error):
                raise
            cursor.execute("ROLLBACK TO SAVEPOINT knowngood_held")
            hurry(connection)
            raise Held(in_words(error)) from None
        # The time-out goes with it.
        cursor.execute("ROLLBACK TO SAVEPOINT knowngood_held")


def countable(
    connection: Connection, *, content: bool, until: float | None = None
) -> tuple[list[Fingerprint], dict[str, str]]:
    """The fingerprints of all tables that can be read, and by name why the others cannot. ``until`` as above."""
    found: list[Fingerprint] = []
    left_out: dict[str, str] = {}
    for table in tables(connection):
        try:
            with leaving_out(connection, until):
                found.append(fingerprint(connection, table, content=content))
        except Held as why:
            left_out[table.full_name] = str(why)
    return found, left_out
