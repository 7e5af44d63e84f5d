"""What a scenario does to a PostgreSQL database: a statement, or a lock whose lease the server itself keeps."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import psycopg2
from psycopg2 import sql

from .child import Broken

__all__ = ["Held", "hold", "say"]

_CONNECT_TIMEOUT = 5


class Held:
    """A lock, for as long as it is not released; the server ends it with its lease, or with this process."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def release(self) -> None:
        with suppress(psycopg2.Error):
            self._connection.close()


def hold(database: Mapping[str, Any], table: str, seconds: float) -> Held:
    """Lock a table against everybody, reading included. Raises :class:`Broken`."""
    try:
        connection = psycopg2.connect(database["dsn"], connect_timeout=_CONNECT_TIMEOUT)
        with connection.cursor() as cursor:
            cursor.execute("SET idle_in_transaction_session_timeout = %s", (f"{int(seconds * 1000)}ms",))
            cursor.execute("SET lock_timeout = '5s'")
            names = sql.Identifier(*table.split("."))
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
    except psycopg2.Error as error:
        raise Broken(f"{database['name']}: {table} could not be locked: {error}") from None
    return Held(connection)


def say(database: Mapping[str, Any], statement: str) -> None:
    """Run a statement. Raises :class:`Broken`."""
    try:
        connection = psycopg2.connect(database["dsn"], connect_timeout=_CONNECT_TIMEOUT)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()
    except psycopg2.Error as error:
        raise Broken(f"{database['name']}: {error}") from None
