"""The sample application's PostgreSQL database on this machine, migrated release by release.

The Workers do not use it (on this machine they could only through Hyperdrive); it is what the rest of
an application keeps there: users, content, payments, an audit log.
"""

from __future__ import annotations

import json
from pathlib import Path

import psycopg2
from psycopg2 import sql

from local_postgres.launch import Instance
from plugins.module_utils.journal import Journal
from plugins.module_utils.migrate.driver import open_driver
from plugins.module_utils.migrate.postgres_executor import PostgresExecutor
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.redact import Redactor

__all__ = ["NAME", "announce", "forget", "migrate", "pay", "payments"]

NAME = "mustbeviral"
MIGRATIONS = Path(__file__).parent / "migrations"


def announce(instance: Instance, state: Path) -> None:
    """Create the database if it is not there, and write down for the local inventory where it is."""
    connection = psycopg2.connect(instance.dsn())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,))
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE DATABASE {NAME}")
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        system_identifier = (cursor.fetchone() or ("",))[0]
    connection.close()
    told = {
        "dsn": instance.dsn(NAME),
        "system_identifier": system_identifier,
        "tools_dir": instance.tools_dir,
        "backups": str(state / "backups"),
    }
    path = state / "postgres.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(told))


def forget(instance: Instance) -> None:
    """Drop the database, and what was restored beside it or kept of it."""
    connection = psycopg2.connect(instance.dsn())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{NAME}%",))
        for (name,) in cursor.fetchall():
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
    connection.close()


def migrate(instance: Instance, state: Path, to: str) -> None:
    """Apply the migrations up to a level."""
    executor = PostgresExecutor(Server.of(instance.dsn(NAME)))
    try:
        open_driver("plain", MIGRATIONS, executor, Journal(state, "migrate", Redactor())).up(to)
    finally:
        executor.close()


def pay(instance: Instance, cents: int, column: str = "cents") -> None:
    """A user who pays: one row in each of three tables."""
    with psycopg2.connect(instance.dsn(NAME)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (email) VALUES ('u' || clock_timestamp() || '@example.com') RETURNING id"
        )
        user = (cursor.fetchone() or (None,))[0]
        into = f"INSERT INTO payments (payer, {column}, idempotency_key)"
        cursor.execute(f"{into} VALUES (%s, %s, clock_timestamp()::text)", (user, cents))
        cursor.execute("INSERT INTO audit_log (what) VALUES ('payment')")
    connection.close()


def payments(instance: Instance) -> list[str]:
    """The payments as text."""
    with psycopg2.connect(instance.dsn(NAME)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(p) - 'created_at' - 'idempotency_key' FROM payments p ORDER BY id")
        rows = [json.dumps(row[0]) for row in cursor.fetchall()]
    connection.close()
    return rows
