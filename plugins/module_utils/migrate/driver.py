"""The interface to migrations, whatever tool they are for, and how one is opened."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from ..journal import Journal
from .bookkeeping import Bookkeeping, D1Table, DbmateTable, GolangMigrateTable, PlainTable
from .executor import Executor
from .model import Finding, Migration, MigrationError, Status, Step
from .sql_driver import SqlDriver

__all__ = ["DRIVERS", "Driver", "open_driver"]

_TABLES: dict[str, type[PlainTable | D1Table | DbmateTable | GolangMigrateTable]] = {
    "plain": PlainTable,
    "d1": D1Table,
    "dbmate": DbmateTable,
    "golang-migrate": GolangMigrateTable,
}
DRIVERS = (*_TABLES, "alembic")


class Driver(Protocol):
    """Migrations of one database. Every method raises ``MigrationError`` or one of its kinds."""

    def available(self) -> list[Migration]:
        """What there is, oldest first."""

    def status(self) -> Status:
        """What is applied, pending, half-applied, and what does not fit."""

    def judge(self, ids: Iterable[str]) -> list[Finding]:
        """What going up by these migrations means for the way back, in the order given."""

    def plan_down(self, to: str | None) -> list[Step]:
        """The steps from now down to where ``to`` is the newest (``None``: none is), newest first; empty when
        it is so already. Raises ``MissingDown`` for all that have no way down, and ``Dirty``."""

    def down(self, to: str | None) -> list[str]:
        """Make ``to`` the newest that is applied; the ids that were taken down, newest first. Every
        step is one transaction together with its note, where the database can. Killed and run again, it
        goes on."""

    def up(self, to: str | None = None) -> list[str]:
        """Apply what is pending, up to and including ``to`` (``None``: all of it); the ids, oldest first."""


def open_driver(
    name: str,
    path: Path,
    executor: Executor,
    journal: Journal,
    *,
    table: str | None = None,
    component: str = "",
    wait: float = 10.0,
) -> Driver:
    """A driver by its name in the inventory. ``path`` is the directory of the migrations, for Alembic the one
    with ``alembic.ini``. ``table`` is where it keeps account, if not in the tool's usual table. ``component``
    is the name of the database in the journal, ``wait`` how long to wait for another runner, in seconds."""
    if name == "alembic":
        # Only who uses Alembic needs to have it.
        from .alembic_driver import AlembicDriver
        from .postgres_executor import PostgresExecutor

        if not isinstance(executor, PostgresExecutor):
            raise MigrationError("Alembic is supported with PostgreSQL only")
        return AlembicDriver(
            path, executor, journal, table=table or "alembic_version", component=component, wait=wait
        )
    if name not in _TABLES:
        raise MigrationError(f"there is no driver {name!r} for migrations; there are {', '.join(DRIVERS)}")
    kind = _TABLES[name]
    bookkeeping: Bookkeeping = kind(table) if table else kind()
    return SqlDriver(path, bookkeeping, executor, journal, component=component, wait=wait)
