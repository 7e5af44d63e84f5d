"""Swapping a database for another by name, in one transaction, with the old one kept.

Goal state, not steps: however often it is asked for and wherever an earlier run was killed, the result is
the old database under the name, or the new one with the old one beside it, or an error that says which
databases are there.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg2
from psycopg2 import sql

from ..journal import Journal
from . import databases, fence
from .connect import Connection, Server, session
from .databases import Database
from .errors import DatabaseError, in_words

__all__ = ["Swap", "kept_by", "swap", "undo"]

# Their values are lists, and a list must not be written as one string.
_LISTS = ("search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries")
_READ_ONLY = "default_transaction_read_only"


@dataclass(frozen=True)
class Swap:
    """``kept`` is the name of the database that served before. ``seconds`` writers were held off."""

    database: str
    kept: str
    changed: bool
    seconds: float


def swap(
    server: Server,
    side: str,
    *,
    journal: Journal,
    held: fence.Fence | None = None,
    patience: float = 10.0,
    word: str = "before",
) -> Swap:
    """``side`` becomes ``server``'s database; the old one stays as ``<name>_before_<time>``, read-only.

    Owner, privileges, settings, connection limit and comment of the name stay with the name. Inside a fence
    give it as ``held``; otherwise one is put up for the moment of the swap. Raises DatabaseError.
    """
    with session(server.maintenance, autocommit=True) as connection:
        done = _done(connection, server.name, side)
    if done is not None:
        fence.lift_left_behind(server, journal=journal)
        journal.write("postgres.swap.found", database=server.name, kept=done)
        return Swap(server.name, done, changed=False, seconds=0.0)
    if held is not None:
        return _swap(held, side, word, journal, patience)
    with fence.hold(server, journal=journal, patience=patience) as own:
        return _swap(own, side, word, journal, patience)


def undo(server: Server, kept: str, *, journal: Journal, patience: float = 10.0) -> Swap:
    """Puts back the database that a swap kept; the one that served since stays as ``<name>_undone_<time>``.

    Refused when another swap came in between. Raises DatabaseError.
    """
    with session(server.maintenance, autocommit=True) as connection:
        old = databases.look(connection, kept)
        live = databases.look(connection, server.name)
        if old is None and _done(connection, server.name, kept) is None:
            raise DatabaseError(
                f"there is no database {kept} to put back: {_listed(connection, server.name)}"
            )
        if old is not None:
            mark = old.mark or {}
            if mark.get("kind") != "kept" or mark.get("of") != server.name:
                raise DatabaseError(f"{kept} was not kept by a swap of {server.name}")
            if live is not None and mark["replaced_by"] != live.oid:
                raise DatabaseError(
                    f"{server.name} is no longer what replaced {kept}: another swap came after it"
                )
    return swap(server, kept, journal=journal, patience=patience, word="undone")


def kept_by(server: Server, run: str) -> str | None:
    """The database that a run's swap kept, for an undo of that run."""
    with session(server.maintenance, autocommit=True) as connection:
        for name in databases.names(connection):
            found = databases.look(connection, name)
            mark = found.mark if found is not None else None
            if mark and mark["kind"] == "kept" and mark["of"] == server.name and mark["run"] == run:
                return name
    return None


def _done(connection: Connection, name: str, side: str) -> str | None:
    """The kept database's name, when ``side`` serves under ``name`` already."""
    live = databases.look(connection, name)
    if live is None:
        raise DatabaseError(f"there is no database {name}: {_listed(connection, name)}")
    if databases.look(connection, side) is not None:
        return None
    for other in databases.names(connection):
        found = databases.look(connection, other)
        mark = found.mark if found is not None else None
        if mark and mark["kind"] == "kept" and mark["side"] == side and mark["replaced_by"] == live.oid:
            return other
    raise DatabaseError(f"there is no database {side} to swap in: {_listed(connection, name)}")


def _swap(held: fence.Fence, side: str, word: str, journal: Journal, patience: float) -> Swap:
    connection, name = held.connection, held.name
    held.close(patience=patience)
    fence.expel(connection, side, patience=patience)
    live, new = databases.look(connection, name), databases.look(connection, side)
    if live is None or new is None:
        raise DatabaseError(f"a database went away during the swap: {_listed(connection, name)}")
    kept = databases.beside(name, word, datetime.now(UTC))
    journal.write("postgres.swap.start", database=name, side=side, kept=kept)
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                for statement in _statements(live, new, kept, journal.run):
                    cursor.execute(statement)
            except psycopg2.Error:
                if not connection.closed:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
    except psycopg2.Error as error:
        raise DatabaseError(f"{name} was not swapped for {side}: {in_words(error)}") from error
    seconds = round(time.monotonic() - held.since, 4)
    journal.write("postgres.swap.end", database=name, kept=kept, seconds=seconds)
    return Swap(name, kept, changed=True, seconds=seconds)


def _statements(live: Database, new: Database, kept: str, run: str) -> Iterator[sql.Composable]:
    name, old = sql.Identifier(live.name), sql.Identifier(kept)
    fenced = (live.mark or {}).get("was") or {}
    read_only = fenced.get("read_only", live.setting(_READ_ONLY))
    yield sql.SQL("ALTER DATABASE {} RENAME TO {}").format(name, old)
    yield sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(new.name), name)
    if new.owner != live.owner:
        yield sql.SQL("ALTER DATABASE {} OWNER TO {}").format(name, sql.Identifier(live.owner))
    yield from _grants(name, live, new)
    yield from _settings(name, live, new, read_only)
    limit = fenced.get("connection_limit", live.connection_limit)
    yield sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(name, sql.Literal(limit))
    yield sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name)
    yield databases.mark_sql(live.name, None, live.own_comment)
    yield sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(old, sql.Literal(limit))
    yield sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(old)
    yield sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(old)
    mark = {"kind": "kept", "run": run, "of": live.name, "side": new.name, "replaced_by": new.oid}
    yield databases.mark_sql(kept, mark, live.own_comment)


def _grants(name: sql.Identifier, live: Database, new: Database) -> Iterator[sql.Composable]:
    if live.grants == new.grants and live.owner == new.owner:
        return
    everybody = {role for role, _, _ in new.grants or ()} | {None, live.owner}
    for role in sorted(everybody, key=lambda role: role or ""):
        yield sql.SQL("REVOKE ALL ON DATABASE {} FROM {}").format(name, _role(role))
    defaults = [(live.owner, "ALL", False), (None, "CONNECT", False), (None, "TEMPORARY", False)]
    for role, privilege, grantable in defaults if live.grants is None else live.grants:
        yield sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(
            sql.SQL(privilege), name, _role(role), sql.SQL(" WITH GRANT OPTION" if grantable else "")
        )


def _settings(
    name: sql.Identifier, live: Database, new: Database, read_only: str | None
) -> Iterator[sql.Composable]:
    for role in sorted({role for role, _, _ in new.settings}, key=lambda role: role or ""):
        yield sql.SQL("{} RESET ALL").format(_scope(name, role))
    for role, key, value in live.settings:
        if role is None and key == _READ_ONLY:
            continue
        if key in _LISTS:
            items = next(csv.reader([value], skipinitialspace=True), [])
            written: sql.Composable = sql.SQL(", ").join(map(sql.Literal, items or [""]))
        else:
            written = sql.Literal(value)
        setting = sql.Identifier(*key.split("."))
        yield sql.SQL("{} SET {} = {}").format(_scope(name, role), setting, written)
    if read_only is not None:
        yield sql.SQL("{} SET default_transaction_read_only = {}").format(
            _scope(name, None), sql.Literal(read_only)
        )


def _scope(name: sql.Identifier, role: str | None) -> sql.Composable:
    if role is None:
        return sql.SQL("ALTER DATABASE {}").format(name)
    return sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), name)


def _role(role: str | None) -> sql.Composable:
    return sql.SQL("PUBLIC") if role is None else sql.Identifier(role)


def _listed(connection: Connection, name: str) -> str:
    there = databases.names(connection, name[:40])
    return f"there is {', '.join(there)}" if there else "there is none whose name begins like it"
