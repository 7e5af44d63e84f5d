"""Real PostgreSQL servers for tests, and a small application's data in them."""

from __future__ import annotations

import resource
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from local_postgres.binaries import installed
from local_postgres.launch import Instance
from plugins.module_utils.journal import Journal, read
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.postgres.tools import Tools, find
from plugins.module_utils.redact import Redactor

SCHEMA = """
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE,
  plan text NOT NULL DEFAULT 'free', created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE content (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), author bigint NOT NULL REFERENCES users,
  title text NOT NULL, words int NOT NULL, length int GENERATED ALWAYS AS (words * 6) STORED);
CREATE TABLE payments (id bigserial PRIMARY KEY, "user" bigint NOT NULL REFERENCES users, cents int NOT NULL);
CREATE TABLE tags (content uuid REFERENCES content, tag text, PRIMARY KEY (content, tag));
CREATE TABLE notes (body text, weight float8, at timestamptz);
CREATE TABLE audit_log (id bigserial PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(), what text);
CREATE TABLE events (id bigint, at date NOT NULL, body jsonb, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO users (email) SELECT 'user' || n || '@example.com' FROM generate_series(1, 200) n;
INSERT INTO content (author, title, words)
  SELECT 1 + n % 200, 'Title ' || n, n FROM generate_series(1, 1000) n;
INSERT INTO payments ("user", cents) SELECT 1 + n % 200, n FROM generate_series(1, 500) n;
INSERT INTO tags SELECT id, 'tag' || words % 7 FROM content;
INSERT INTO notes
  SELECT 'note ' || n % 50, n % 3 / 7.0, timestamptz '2025-06-01 12:00+02' FROM generate_series(1, 100) n;
INSERT INTO audit_log (what) SELECT 'login ' || n FROM generate_series(1, 300) n;
INSERT INTO events SELECT n, date '2025-06-01' + n, '{"a": [1, 2]}' FROM generate_series(1, 400) n;
"""


@dataclass(frozen=True)
class Postgres:
    """One running server, with databases of the test's own. ``role`` owns them, as an application's would."""

    instance: Instance
    role: str = "app"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    def prepare(self) -> Postgres:
        self.sql("postgres", f"CREATE ROLE {self.role} LOGIN CREATEDB PASSWORD %s", (self.password,))
        return self

    @property
    def major(self) -> int:
        return int(self.instance.server_version.partition(".")[0])

    @property
    def tools(self) -> Tools:
        return find(self.major, Path(self.instance.tools_dir))

    def server(self, database: str) -> Server:
        """As the inventory declares it, as superuser."""
        return Server.of(self.instance.dsn(database))

    def as_role(self, database: str) -> str:
        """The application's connection string."""
        return self.instance.dsn(database, user=self.role, password=self.password)

    def create(self, database: str, script: str = SCHEMA) -> Server:
        name = sql.Identifier(database)
        self.sql("postgres", sql.SQL("CREATE DATABASE {} OWNER {}").format(name, sql.Identifier(self.role)))
        with self.cursor(database, self.as_role(database)) as cursor:
            cursor.execute(script)
        return self.server(database)

    def sql(self, database: str, statement: Any, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        with self.cursor(database) as cursor:
            cursor.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def cursor(self, database: str, dsn: str | None = None) -> Iterator[Any]:
        connection = psycopg2.connect(dsn or self.instance.dsn(database))
        connection.autocommit = True
        try:
            yield connection.cursor()
        finally:
            connection.close()

    def columns(self, database: str, table: str) -> list[str]:
        """The columns' names in the order of the alphabet; none when the table is not there."""
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY 1"
        return [str(name) for (name,) in self.sql(database, query, (table,))]

    def databases(self) -> set[str]:
        rows = self.sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate")
        return {name for (name,) in rows} - {"postgres"}


def versions() -> list[int]:
    """The servers on this machine: the one that is installed with us first."""
    return list(dict.fromkeys(found.major for found in installed()))


def journal(folder: Path, run: str | None = None, secret: str = "") -> Journal:
    return Journal(folder / "runs", run or f"run-{secrets.token_hex(4)}", Redactor([secret]))


def events(journal: Journal) -> list[dict[str, Any]]:
    return list(read(journal.path))


@contextmanager
def small_disk(folder: Path) -> Iterator[str]:
    """A file system of 64 kB; where mounting is not allowed, a limit on the size of files."""
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True)
    if mounted.returncode == 0:
        try:
            yield "its disk is full"
        finally:
            subprocess.run(["umount", folder], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        yield "killed by signal|File too large"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
