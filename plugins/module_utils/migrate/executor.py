"""How migrations reach a database: one small interface, for PostgreSQL and for D1."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from .model import Dialect

__all__ = ["Executor", "literal"]


def literal(value: str) -> str:
    """A string as SQL. Both databases take backslashes as they are."""
    return "'" + value.replace("'", "''") + "'"


class Executor(Protocol):
    """Errors are ``MigrationError`` and its kinds, with the database's own message and no row in it."""

    dialect: Dialect

    def rows(self, sql: str, params: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""

    def run(self, script: str) -> None:
        """Run a script of any number of statements in one transaction: all of it, or nothing."""

    def run_outside(self, statement: str) -> None:
        """Run one statement in no transaction, for those that refuse to be in one."""

    def exclusive(self, keys: Sequence[int], wait: float) -> AbstractContextManager[None]:
        """Keep other runners off, as far as the database can. Raises ``Busy`` after ``wait`` seconds."""
