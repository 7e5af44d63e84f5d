"""The sample application's PostgreSQL database with somebody who uses it, and the environment around it."""

from __future__ import annotations

import csv
import json
import os
import secrets
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2

from local_postgres.launch import Instance
from plugins.module_utils.concurrent import alongside
from plugins.module_utils.migrate.driver import open_driver
from plugins.module_utils.migrate.postgres_executor import PostgresExecutor
from plugins.module_utils.postgres.connect import Server
from tests.support.environment import Environment, Run
from tests.support.journal import journal
from tests.support.sample_app import app_database

ROLE = "must_be_viral"
"""The application's own, without the rights of a superuser."""
# The seed's releases were deployed before these migrations were applied, so their levels are declared.
LEVELS = {"schema_levels": {"r1": "0001", "r2": "0002"}}


class App:
    """Nothing is in the database yet."""

    def __init__(self, environment: Environment, server: Instance) -> None:
        self.environment = environment
        self.server = server
        self._password = secrets.token_urlsafe(18)
        app_database.forget(server)
        app_database.announce(server, environment.instance.state)
        self.sql(f"DROP ROLE IF EXISTS {ROLE}")
        self.sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD %s", (self._password,))
        self.sql(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {ROLE}")

    def announce(self, way: Callable[[str], str]) -> None:
        """Let the inventory know another way to the database: ``way`` changes a connection string."""
        told = self.environment.instance.state / "postgres.json"
        found = json.loads(told.read_text())
        told.write_text(json.dumps({**found, "dsn": way(found["dsn"])}))

    # --- its database

    def sql(
        self, statement: str, parameters: tuple[Any, ...] = (), database: str = ""
    ) -> list[tuple[Any, ...]]:
        connection = psycopg2.connect(self.server.dsn(database or app_database.NAME))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters or None)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def connect(self) -> Any:
        """A connection of the application's."""
        dsn = self.server.dsn(app_database.NAME, user=ROLE, password=self._password)
        return psycopg2.connect(dsn, connect_timeout=5)

    def migrate(self, to: str, files: Path = app_database.MIGRATIONS, *, driver: str = "plain") -> None:
        """Apply the migrations up to a level."""
        executor = PostgresExecutor(Server.of(self.server.dsn(app_database.NAME)))
        try:
            open_driver(driver, files, executor, journal(self.environment.instance.state / "deploys")).up(to)
        finally:
            executor.close()

    def pay(self, cents: int, column: str = "cents") -> None:
        app_database.pay(self.server, cents, column)

    @property
    def payments(self) -> list[dict[str, Any]]:
        return [json.loads(row) for row in app_database.payments(self.server)]

    @property
    def applied(self) -> list[str]:
        return [id_ for (id_,) in self.sql("SELECT id FROM knowngood_migrations ORDER BY id")]

    def columns(self, table: str) -> set[str]:
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        return {name for (name,) in self.sql(query, (table,))}

    # --- going back

    def back(self, *arguments: str, **variables: Any) -> Run:
        return self.environment.play("rollback.yml", *self.asked(*arguments, **variables))

    def asked(self, *arguments: str, **variables: Any) -> tuple[str, ...]:
        """What follows ``rollback.yml``: to r2, with D1 left out, because variables are for all databases."""
        told = json.dumps({"release": "r2", **LEVELS, **variables})
        return ("--limit", "workers:pages:app-db", "-e", told, *arguments)

    def back_up(self) -> None:
        run = self.environment.play("backup.yml", "--limit", "app-db")
        assert run.code == 0, run.output

    def put_back(self, run: Run) -> None:
        """Run the script that a rewind left, as its first lines say."""
        assert run.journal is not None
        done = subprocess.run(
            [Path(self.server.tools_dir) / "psql", "-X", "-q", "-f", "put_back.sql"],
            env={**os.environ, **Server.of(self.server.dsn(app_database.NAME)).environment()},
            cwd=run.journal.parent / "kept" / "app-db",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr

    def is_free(self) -> bool:
        """Nothing that a run started is left, no fence stands, and the application can write."""
        assert not self.environment.processes()
        fenced = "SELECT description FROM pg_shdescription WHERE description LIKE '%fence%'"
        assert not self.sql(fenced, database="postgres")
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO audit_log (what) VALUES ('the application can write')")
        connection.close()
        return True


class Sentinel:
    """Somebody who writes all the time, connects again when that fails, and knows what was acknowledged."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._ends = threading.Event()
        self.acknowledged: list[str] = []

    def run(self) -> None:
        number = 0
        while not self._ends.is_set():
            with suppress(psycopg2.Error):
                connection = self._app.connect()
                connection.autocommit = True
                with connection.cursor() as cursor:
                    while not self._ends.wait(0.005):
                        number += 1
                        cursor.execute("INSERT INTO audit_log (what) VALUES (%s)", (f"sentinel {number}",))
                        self.acknowledged.append(f"sentinel {number}")
                connection.close()
            self._ends.wait(0.005)

    def end(self) -> None:
        self._ends.set()

    def missing(self) -> set[str]:
        """What was acknowledged and is not in the database."""
        there = {what for (what,) in self._app.sql("SELECT what FROM audit_log")}
        return set(self.acknowledged) - there


@contextmanager
def writing(app: App) -> Iterator[Sentinel]:
    """A sentinel that writes inside the block."""
    sentinel = Sentinel(app)
    with alongside(sentinel.run, sentinel.end):
        yield sentinel


def kept_rows(run: Run, table: str) -> list[dict[str, str]]:
    """The rows of a table that a rewind kept, because they were written since."""
    assert run.journal is not None
    rows = []
    for path in run.journal.parent.glob(f"kept/app-db/*_{table}.inserted.csv"):
        with path.open(newline="") as file:
            rows += list(csv.DictReader(file))
    return rows
