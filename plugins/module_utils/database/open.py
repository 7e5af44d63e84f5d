"""From what the inventory declares to a database that can be asked and moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..cloudflare.client import Client
from ..journal import Journal
from ..migrate.driver import open_driver
from .managed import Managed

__all__ = ["opened"]


@contextmanager
def opened(
    declared: Mapping[str, Any], client: Client | None, journal: Journal, keep: Path
) -> Iterator[Managed]:
    """The database, for as long as it is needed; D1 is asked through ``client``.

    ``keep`` is the folder for rows that would be lost.
    """
    name, migrations = declared["name"], declared["migrations"]
    path, table = Path(migrations["path"]), migrations.get("table")
    # Who has one kind of database does not wait for the drivers of the other.
    if client is not None:
        from ..cloudflare.d1 import D1
        from ..migrate.d1_executor import D1Executor
        from .d1 import ManagedD1

        d1 = D1(client, declared["database"])
        driver = open_driver(migrations["driver"], path, D1Executor(d1), journal, table=table, component=name)
        yield ManagedD1(name, d1, driver, written_at=declared["written_at"], journal=journal)
        return
    from ..migrate.postgres_executor import PostgresExecutor
    from ..postgres.connect import Server
    from .postgres import ManagedPostgres

    server = Server.of(
        declared["dsn"], maintenance_name=declared["maintenance"], is_direct=declared["direct"]
    )
    executor = PostgresExecutor(server)
    try:
        backups = declared["backups"] or {}
        folder = backups.get("folder")
        yield ManagedPostgres(
            name,
            server,
            executor,
            open_driver(migrations["driver"], path, executor, journal, table=table, component=name),
            declared_identity=declared["identity"],
            folder=Path(folder) if folder else None,
            max_age=backups.get("max_age", 86400.0),
            layout=backups.get("format", "custom"),
            jobs=backups.get("jobs", 2),
            tools=Path(declared["tools"]) if declared["tools"] else None,
            checks=declared["checks"] or {},
            keep=keep,
            journal=journal,
        )
    finally:
        executor.close()
