"""The table in which a tool keeps what it has applied."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .executor import Executor, literal
from .model import Migration, MigrationError

__all__ = ["Bookkeeping", "D1Table", "DbmateTable", "GolangMigrateTable", "Kept", "PlainTable"]

_TABLE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")


@dataclass(frozen=True)
class Kept:
    """What a table says: ids in the order of migrations, and a half-applied one with the way out of it."""

    applied: tuple[str, ...]
    dirty: str | None = None
    going: str = ""
    """``up`` or ``down`` when it is known which way the dirty one was going."""
    way_out: str = ""
    problems: tuple[str, ...] = ()


class Bookkeeping(Protocol):
    """SQL that a driver puts into the transaction of a migration, or around one that cannot be in any."""

    def identify(self, number: str, file_name: str) -> str:
        """What the table calls the migration of a file."""

    def read(self, executor: Executor, available: Sequence[Migration]) -> Kept:
        """What is applied. A table that does not exist has nothing in it."""

    def create(self, executor: Executor) -> str:
        """Makes the table if it is not there."""

    def begin(self, migration: Migration, way: str) -> str:
        """Marks a migration as begun; empty when the tool has no such mark."""

    def add(self, migration: Migration) -> str:
        """Notes a migration as applied."""

    def remove(self, migration: Migration, previous: str | None) -> str:
        """Notes a migration as taken down; ``previous`` is then the newest."""

    def locks(self, executor: Executor) -> list[int]:
        """Keys of advisory locks that keep the tool itself off too."""


def _known(table: str) -> str:
    if not _TABLE.fullmatch(table):
        raise MigrationError(f"{table!r} is not a name of a table")
    return table


def _rows(executor: Executor, table: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query on a table; none when it does not exist."""
    if executor.dialect == "postgres":
        there = executor.rows("SELECT to_regclass(%s) IS NOT NULL", (table,))[0][0]
        return executor.rows(query) if there else []
    try:
        # Asking for the table first would be a call more, and of D1 each takes a tenth of a second.
        return executor.rows(query)
    except MigrationError as error:
        if f"no such table: {table}" not in str(error):
            raise
        return []


def _by_number(ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(ids, key=lambda id_: (int(re.match(r"\d*", id_).group() or 0), id_)))  # type: ignore[union-attr]


def _own_lock(executor: Executor, table: str) -> int:
    database = executor.rows("SELECT current_database()")[0][0] if executor.dialect == "postgres" else ""
    digest = hashlib.sha256(f"knowngood migrations {database} {table}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def _checksum(migration: Migration) -> str:
    return hashlib.sha256(migration.up.strip().encode()).hexdigest()


@dataclass(frozen=True)
class PlainTable:
    """Our own, for SQL files that no other tool keeps account of (docs/migrations.md gives its format)."""

    table: str = "knowngood_migrations"

    def __post_init__(self) -> None:
        _known(self.table)

    def identify(self, number: str, file_name: str) -> str:
        return number

    def read(self, executor: Executor, available: Sequence[Migration]) -> Kept:
        rows = _rows(executor, self.table, f"SELECT id, checksum, state FROM {self.table}")  # noqa: S608
        known = {migration.id: migration for migration in available}
        problems = tuple(
            f"{known[id_].file} was changed since it was applied: its way down may no longer fit"
            for id_, checksum, _ in rows
            if id_ in known and checksum != _checksum(known[id_])
        )
        unfinished = [(id_, state) for id_, _, state in rows if state != "applied"]
        applied = _by_number([id_ for id_, _, _ in rows])
        if not unfinished:
            return Kept(applied, problems=problems)
        dirty, going = unfinished[0]
        key = literal(dirty)
        finished = f"UPDATE {self.table} SET state = 'applied' WHERE id = {key}"  # noqa: S608
        undone = f"DELETE FROM {self.table} WHERE id = {key}"  # noqa: S608
        way_out = f"look at what of it is there; if all of it is: {finished}; if nothing is: {undone}"
        return Kept(applied, dirty, going, way_out, problems)

    def create(self, executor: Executor) -> str:
        kind = "timestamptz" if executor.dialect == "postgres" else "TEXT"
        return (
            f"CREATE TABLE IF NOT EXISTS {self.table} (id text PRIMARY KEY, name text NOT NULL,"
            f" checksum text NOT NULL, state text NOT NULL CHECK (state IN ('applied', 'up', 'down')),"
            f" applied_at {kind} NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        )

    def begin(self, migration: Migration, way: str) -> str:
        if way == "down":
            return f"UPDATE {self.table} SET state = 'down' WHERE id = {literal(migration.id)}"  # noqa: S608
        return self._insert(migration, "up")

    def add(self, migration: Migration) -> str:
        return self._insert(migration, "applied")

    def _insert(self, migration: Migration, state: str) -> str:
        values = ", ".join(map(literal, (migration.id, migration.name, _checksum(migration), state)))
        return (
            f"INSERT INTO {self.table} (id, name, checksum, state) VALUES ({values})"  # noqa: S608
            " ON CONFLICT (id) DO UPDATE SET state = excluded.state, checksum = excluded.checksum"
        )

    def remove(self, migration: Migration, previous: str | None) -> str:
        return f"DELETE FROM {self.table} WHERE id = {literal(migration.id)}"  # noqa: S608

    def locks(self, executor: Executor) -> list[int]:
        return [_own_lock(executor, self.table)]


@dataclass(frozen=True)
class D1Table:
    """``wrangler d1 migrations``: one row a file, in the order in which they were applied."""

    table: str = "d1_migrations"

    def __post_init__(self) -> None:
        _known(self.table)

    def identify(self, number: str, file_name: str) -> str:
        return file_name

    def read(self, executor: Executor, available: Sequence[Migration]) -> Kept:
        rows = _rows(executor, self.table, f"SELECT name FROM {self.table} ORDER BY id")  # noqa: S608
        return Kept(tuple(str(row[0]) for row in rows))

    def create(self, executor: Executor) -> str:
        return (
            f"CREATE TABLE IF NOT EXISTS {self.table} (id INTEGER PRIMARY KEY AUTOINCREMENT,"
            " name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)"
        )

    def begin(self, migration: Migration, way: str) -> str:
        return ""

    def add(self, migration: Migration) -> str:
        return f"INSERT INTO {self.table} (name) VALUES ({literal(migration.id)})"  # noqa: S608

    def remove(self, migration: Migration, previous: str | None) -> str:
        return f"DELETE FROM {self.table} WHERE name = {literal(migration.id)}"  # noqa: S608

    def locks(self, executor: Executor) -> list[int]:
        return []


@dataclass(frozen=True)
class DbmateTable:
    """dbmate: one row a version. It has no mark for a migration that is half applied."""

    table: str = "schema_migrations"

    def __post_init__(self) -> None:
        _known(self.table)

    def identify(self, number: str, file_name: str) -> str:
        return number

    def read(self, executor: Executor, available: Sequence[Migration]) -> Kept:
        rows = _rows(executor, self.table, f"SELECT version FROM {self.table}")  # noqa: S608
        return Kept(_by_number([str(row[0]) for row in rows]))

    def create(self, executor: Executor) -> str:
        return f"CREATE TABLE IF NOT EXISTS {self.table} (version varchar PRIMARY KEY)"

    def begin(self, migration: Migration, way: str) -> str:
        return ""

    def add(self, migration: Migration) -> str:
        return f"INSERT INTO {self.table} (version) VALUES ({literal(migration.id)})"  # noqa: S608

    def remove(self, migration: Migration, previous: str | None) -> str:
        return f"DELETE FROM {self.table} WHERE version = {literal(migration.id)}"  # noqa: S608

    def locks(self, executor: Executor) -> list[int]:
        return [_own_lock(executor, self.table)]


@dataclass(frozen=True)
class GolangMigrateTable:
    """golang-migrate: a single row with the newest version; ``dirty`` while it is on the way to it."""

    table: str = "schema_migrations"

    def __post_init__(self) -> None:
        _known(self.table)

    def identify(self, number: str, file_name: str) -> str:
        return str(int(number))

    def read(self, executor: Executor, available: Sequence[Migration]) -> Kept:
        rows = _rows(executor, self.table, f"SELECT version, dirty FROM {self.table}")  # noqa: S608
        if not rows:
            return Kept(())
        version, dirty = int(rows[0][0]), bool(rows[0][1])
        applied = [migration.id for migration in available if int(migration.id) <= version]
        if str(version) not in applied and version > 0:
            applied.append(str(version))
        if not dirty:
            return Kept(tuple(applied))
        way_out = (
            f"golang-migrate was on the way to version {version} and does not say from where: look at what"
            " is there, and name the version that it really is: migrate force VERSION"
        )
        return Kept(tuple(applied), str(version), way_out=way_out)

    def create(self, executor: Executor) -> str:
        columns = "version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL"
        return f"CREATE TABLE IF NOT EXISTS {self.table} ({columns})"

    def _set(self, version: str | None, *, dirty: bool) -> str:
        gone = f"DELETE FROM {self.table}"  # noqa: S608
        if version is None:
            return gone
        values = f"{int(version)}, {str(dirty).lower()}"
        return f"{gone};\nINSERT INTO {self.table} (version, dirty) VALUES ({values})"

    def begin(self, migration: Migration, way: str) -> str:
        return self._set(migration.id, dirty=True)

    def add(self, migration: Migration) -> str:
        return self._set(migration.id, dirty=False)

    def remove(self, migration: Migration, previous: str | None) -> str:
        return self._set(previous, dirty=False)

    def locks(self, executor: Executor) -> list[int]:
        """Its own lock as well (database/util.go). Opened by URL, it names the database with the slash."""
        if executor.dialect != "postgres":
            return []
        schema, database = executor.rows("SELECT current_schema(), current_database()")[0]
        table = self.table.rpartition(".")[2]
        keys = [
            zlib.crc32("\0".join((schema, table, name)).encode()) * 1486364155 % 2**32
            for name in (database, f"/{database}")
        ]
        return [*keys, _own_lock(executor, self.table)]
