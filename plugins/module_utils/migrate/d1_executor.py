"""How migrations reach D1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from ..cloudflare.errors import CloudflareError, Refused
from .model import Dialect, Interrupted, MigrationError

__all__ = ["D1Database", "D1Executor"]


class D1Database(Protocol):
    """What is needed of a D1 database. ``query`` raises ``CloudflareError``."""

    def query(self, sql: str, params: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        """The rows of the last statement. Several statements in one call are one transaction
        (Cloudflare API, D1 "Query D1 Database": executed as a batch)."""


class D1Executor:
    """D1. It has no lock that outlives a call: ``exclusive`` does nothing, and scripts guard themselves."""

    dialect: Dialect = "sqlite"

    def __init__(self, database: D1Database) -> None:
        self._database = database

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self._query(sql, params)]

    def run(self, script: str) -> None:
        self._query(script)

    def run_outside(self, statement: str) -> None:
        self._query(statement)

    @contextmanager
    def exclusive(self, keys: Sequence[int], wait: float) -> Iterator[None]:
        yield

    def _query(self, sql: str, params: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        try:
            return self._database.query(sql, params)
        except Refused as error:
            raise MigrationError(f"D1 refused: {error}") from None
        except CloudflareError as error:
            raise Interrupted(f"D1 gave no answer: {error}") from None
