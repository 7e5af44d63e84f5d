"""Holding writers off a database, for a bounded time, and always letting them in again.

What was there before is written on the database (a mark in its comment) in the transaction that closes it,
so that a run after a kill can lift the fence exactly.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql

from ..journal import Journal
from . import databases
from .connect import Connection, Server, session
from .errors import DatabaseError, in_words

__all__ = ["CLOSED", "LIMIT", "MODES", "READ_ONLY", "Fence", "hold", "lift_left_behind"]

CLOSED, LIMIT, READ_ONLY = "closed", "limit", "read_only"
MODES = (CLOSED, LIMIT, READ_ONLY)
_SIDES = {
    # Nobody connects, superusers included: what renaming needs.
    CLOSED: "ALTER DATABASE {} ALLOW_CONNECTIONS false",
    # Superusers connect: the database can be looked at while its application cannot.
    LIMIT: "ALTER DATABASE {} CONNECTION LIMIT 0",
    # The application reads on. A session may still ask for a writing transaction: a courtesy, not a wall.
    READ_ONLY: "ALTER DATABASE {} SET default_transaction_read_only = on",
}
_PATIENCE = 10.0


class Fence:
    """A fence that is up. ``since`` is a time of ``time.monotonic``."""

    def __init__(self, connection: Connection, name: str, journal: Journal) -> None:
        self.connection = connection
        self.name = name
        self.since = time.monotonic()
        self._journal = journal

    def close(self, *, patience: float = _PATIENCE) -> None:
        """Makes it a ``closed`` one, and waits until no session is left. Raises DatabaseError."""
        _execute(self.connection, sql.SQL(_SIDES[CLOSED]).format(sql.Identifier(self.name)))
        expel(self.connection, self.name, patience=patience)


@contextmanager
def hold(
    server: Server,
    *,
    mode: str = CLOSED,
    journal: Journal,
    patience: float = _PATIENCE,
    spared: Sequence[int] = (),
) -> Iterator[Fence]:
    """Writers are off ``server``'s database inside the block.

    Sessions that are there, but for those of the ``spared`` process ids, are ended (their open transactions
    roll back: nothing that was acknowledged is undone) and must be gone within ``patience`` seconds, or the
    fence comes down again with a DatabaseError that names them. A fence that a killed run left is lifted
    first. After a swap inside the block the fence is gone already: it went with the database that it was
    around.
    """
    with session(server.maintenance, autocommit=True) as connection:
        if not databases.lock(connection, f"fence {server.name}", patience=min(patience, databases.NOTICED)):
            raise DatabaseError(f"another run holds writers off {server.name}: wait for it, or stop it")
        _lift(connection, server.name, journal, left_behind=True)
        live = databases.look(connection, server.name)
        if live is None:
            raise DatabaseError(f"there is no database {server.name} on {server.host}")
        _refuse_prepared(connection, server.name)
        was = {
            "allow_connections": live.allow_connections,
            "connection_limit": live.connection_limit,
            "read_only": live.setting("default_transaction_read_only"),
        }
        mark = {"kind": "fence", "run": journal.run, "mode": mode, "was": was}
        fence = Fence(connection, server.name, journal)
        journal.write("postgres.fence.up", database=server.name, mode=mode)
        _execute(
            connection,
            databases.mark_sql(server.name, mark, live.own_comment),
            sql.SQL(_SIDES[mode]).format(sql.Identifier(server.name)),
        )
        try:
            older_than = None if mode == CLOSED else _now(connection)
            expel(connection, server.name, patience=patience, older_than=older_than, spared=spared)
            yield fence
        finally:
            _take_down(connection, server, journal)
            seconds = round(time.monotonic() - fence.since, 4)
            journal.write("postgres.fence.down", database=server.name, seconds=seconds)


def _take_down(connection: Connection, server: Server, journal: Journal) -> None:
    try:
        if not connection.closed:
            _lift(connection, server.name, journal)
            return
    except (DatabaseError, psycopg2.Error):
        pass
    try:
        with session(server.maintenance, autocommit=True) as another:
            _lift(another, server.name, journal)
    except DatabaseError as error:
        raise DatabaseError(
            f"writers are still held off {server.name}; the next run lifts it. {error}"
        ) from error


def lift_left_behind(server: Server, *, journal: Journal, patience: float = databases.NOTICED) -> bool:
    """Lifts a fence that a killed run left; whether there was one. Leaves that of a living run alone."""
    with session(server.maintenance, autocommit=True) as connection:
        if not databases.lock(connection, f"fence {server.name}", patience=patience):
            return False
        return _lift(connection, server.name, journal, left_behind=True)


def expel(
    connection: Connection,
    name: str,
    *,
    patience: float = _PATIENCE,
    older_than: Any = None,
    spared: Sequence[int] = (),
) -> None:
    """Ends the sessions of a database (those from before ``older_than``). Raises DatabaseError.

    Sessions that were let in before the fence, and that the server does not list yet, are waited for first.
    """
    deadline = time.monotonic() + patience
    entering = _entering(connection, name)
    while True:
        entering &= _entering(connection, name)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_catalog.pg_terminate_backend(pid), usename, application_name, backend_type"
                " FROM pg_catalog.pg_stat_activity"
                " WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid() AND pid <> ALL (%s)"
                " AND backend_type IN ('client backend', 'walsender', 'parallel worker')"
                " AND (%s::timestamptz IS NULL OR backend_start <= %s)",
                (name, list(spared), older_than, older_than),
            )
            left = cursor.fetchall()
        if not left and not entering:
            return
        if time.monotonic() > deadline:
            who = {f"{user} ({application or kind})" for _, user, application, kind in left}
            who |= {f"process {pid}, which is just being let in" for pid in entering}
            count = len(left) + len(entering)
            raise DatabaseError(
                f"{name} still has {count} sessions after {patience:.0f} s: {', '.join(sorted(who))}"
            )
        time.sleep(0.01)


def _entering(connection: Connection, name: str) -> set[int]:
    """The processes that are about to become sessions: they lock the database until they are listed as one.

    They have read by then, or will read, whether connections are allowed (``InitPostgres`` in the server).
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.pid FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.objid"
            " WHERE d.datname = %s AND l.locktype = 'object' AND l.mode = 'RowExclusiveLock'"
            " AND l.classid = 'pg_catalog.pg_database'::pg_catalog.regclass",
            (name,),
        )
        return {pid for (pid,) in cursor}


def _lift(connection: Connection, name: str, journal: Journal, *, left_behind: bool = False) -> bool:
    live = databases.look(connection, name)
    mark = live.mark if live is not None else None
    if live is None or mark is None or mark["kind"] != "fence":
        return False
    was = mark["was"]
    identifier = sql.Identifier(name)
    read_only = sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(identifier)
    if was["read_only"] is not None:
        read_only = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}").format(
            identifier, sql.Literal(was["read_only"])
        )
    _execute(
        connection,
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
            identifier, sql.Literal(was["allow_connections"])
        ),
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
            identifier, sql.Literal(was["connection_limit"])
        ),
        read_only,
        databases.mark_sql(name, None, live.own_comment),
    )
    if left_behind:
        journal.write("postgres.fence.lifted", database=name, left_by=mark["run"])
    return True


def _refuse_prepared(connection: Connection, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = %s", (name,))
        prepared = [gid for (gid,) in cursor]
    if prepared:
        raise DatabaseError(
            f"{name} has prepared transactions ({', '.join(prepared)}): commit or roll them back first"
        )


def _execute(connection: Connection, *statements: sql.Composable) -> None:
    """In one transaction."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                for statement in statements:
                    cursor.execute(statement)
            except psycopg2.Error:
                if not connection.closed:
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")
    except psycopg2.Error as error:
        raise DatabaseError(in_words(error)) from error


def _now(connection: Connection) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.clock_timestamp()")
        return (cursor.fetchone() or (None,))[0]
