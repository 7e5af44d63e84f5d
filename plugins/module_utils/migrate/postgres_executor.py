"""How migrations reach PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import psycopg2.errors

from ..postgres.connect import (
    APPLICATION,
    CONNECT_TIMEOUT,
    LOCK_TIMEOUT,
    STATEMENT_TIMEOUT,
    Connection,
    Server,
)
from ..postgres.errors import in_words
from .model import Busy, Dialect, Interrupted, MigrationError

__all__ = ["PostgresExecutor"]

_POLL = 0.1
# A server that is gone without a word is noticed in half a minute, not in hours.
# A statement of ours must not run on, and keep its locks, after we were killed (PostgreSQL 14 and newer).
_NOTICE = (
    "SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'"
)
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


class PostgresExecutor:
    """PostgreSQL through psycopg2, with the search path that the user has there. It connects when it first
    has to, and again after a connection was lost. Timeouts are in seconds: for a lock on a table, and for one
    statement.

    It wants a session of its own: a pooler that shares sessions between transactions (PgBouncer in
    transaction mode, Hyperdrive) does not keep its lock.
    """

    dialect: Dialect = "postgres"

    def __init__(
        self,
        server: Server,
        *,
        lock_timeout: float = LOCK_TIMEOUT,
        statement_timeout: float = STATEMENT_TIMEOUT,
    ) -> None:
        self.server = server
        self.lock_timeout = lock_timeout
        self.statement_timeout = statement_timeout
        self._connection: Connection | None = None

    def connect(self) -> Connection:
        """A new connection of its own. Raises ``psycopg2.Error``."""
        parameters: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, **self.server.parameters}
        parameters.setdefault("application_name", APPLICATION)
        for name, value in _KEEPALIVE.items():
            parameters.setdefault(name, value)
        connection: Connection = psycopg2.connect(**parameters)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(_NOTICE)
        return connection

    def close(self) -> None:
        if self._connection is not None:
            with suppress(psycopg2.Error):
                self._connection.close()
            self._connection = None

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self._cursor(autocommit=False) as cursor:
            cursor.execute(self._limits("LOCAL"))
            cursor.execute(sql, params or None)
            return list(cursor.fetchall())

    def run(self, script: str) -> None:
        with self._cursor(autocommit=False) as cursor:
            cursor.execute(self._limits("LOCAL"))
            cursor.execute(script)

    def run_outside(self, statement: str) -> None:
        with self._cursor(autocommit=True) as cursor:
            cursor.execute(self._limits("SESSION"))
            cursor.execute(statement)

    @contextmanager
    def exclusive(self, keys: Sequence[int], wait: float) -> Iterator[None]:
        end = time.monotonic() + wait
        # Always in the same order, so that two runners cannot wait for each other.
        for key in sorted(keys):
            while not self.rows("SELECT pg_try_advisory_lock(%s)", (key,))[0][0]:
                if time.monotonic() >= end:
                    self._unlock()
                    raise Busy(
                        f"somebody else has been migrating this database for {wait:g} s; nothing was changed"
                    )
                time.sleep(_POLL)
        try:
            yield
        finally:
            self._unlock()

    def _unlock(self) -> None:
        # A lost connection has given its locks back already.
        if self._connection is not None:
            with suppress(MigrationError):
                self.rows("SELECT pg_advisory_unlock_all()")

    def _limits(self, scope: str) -> str:
        return (
            f"SET {scope} lock_timeout = {int(self.lock_timeout * 1000)};"
            f" SET {scope} statement_timeout = {int(self.statement_timeout * 1000)}"
        )

    @contextmanager
    def _cursor(self, *, autocommit: bool) -> Iterator[Any]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self.connect()
            self._connection.autocommit = autocommit
            with self._connection.cursor() as cursor:
                yield cursor
            if not autocommit:
                self._connection.commit()
        except psycopg2.Error as error:
            raise self._told(error) from None
        finally:
            if self._connection is not None and not self._connection.closed:
                self._connection.rollback()

    def _told(self, error: psycopg2.Error) -> MigrationError:
        if isinstance(error, psycopg2.errors.LockNotAvailable):
            return Busy(f"others have held a table that is needed for {self.lock_timeout:g} s")
        if isinstance(error, psycopg2.errors.QueryCanceled):
            return Busy(f"a statement took longer than {self.statement_timeout:g} s and was cancelled")
        # The detail of an error may hold a row, the first line of the message does not.
        message = in_words(error)
        if error.pgcode is None or self._connection is None or self._connection.closed:
            self.close()
            return Interrupted(f"no connection to {self.server}: {message}")
        return MigrationError(f"PostgreSQL refused: {message}")
