"""SQLite as its own parser: statements are compiled by it over an empty copy of the schema.

Rows are never involved: what changes the schema is run, anything else is only compiled. SQLite tells
through its authorizer what a statement is about to do, also inside triggers and WITH.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Action", "Column", "Sandbox", "Statement", "Table", "bare", "split"]

# Action codes of sqlite3_set_authorizer(); the standard library names only some of them.
_CODES = {
    1: "CREATE_INDEX", 2: "CREATE_TABLE", 3: "CREATE_INDEX", 4: "CREATE_TEMP_TABLE", 5: "CREATE_TRIGGER",
    6: "CREATE_VIEW", 7: "CREATE_TRIGGER", 8: "CREATE_VIEW", 9: "DELETE", 10: "DROP_INDEX", 11: "DROP_TABLE",
    12: "DROP_INDEX", 13: "DROP_TABLE", 14: "DROP_TRIGGER", 15: "DROP_VIEW", 16: "DROP_TRIGGER",
    17: "DROP_VIEW", 18: "INSERT", 19: "PRAGMA", 20: "READ", 21: "SELECT", 22: "TRANSACTION", 23: "UPDATE",
    24: "ATTACH", 25: "DETACH", 26: "ALTER_TABLE", 27: "REINDEX", 28: "ANALYZE", 29: "CREATE_TABLE",
    30: "DROP_TABLE", 31: "FUNCTION", 32: "SAVEPOINT", 33: "RECURSIVE",
}  # fmt: skip
_ATTACH = 24
_STEPS = 20_000_000
_NOISE = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'", re.DOTALL)
_BLANK = re.compile(r"(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?(?:\*/|\Z)|;)*", re.DOTALL)

_NO_TABLE = re.compile(r"no such table: (?:main\.)?(.+)")
_NO_COLUMN = re.compile(r"no such column: \"?(?:[^\"]*\.)?([^\".]+)\"?$|has no column named (.+)$")
_NO_OTHER = re.compile(r"no such (index|view|trigger): (?:main\.)?(.+)")
_TOO_FEW = re.compile(r"table (.+) has (\d+) columns but (\d+) values were supplied")


@dataclass(frozen=True)
class Statement:
    text: str
    line: int


def split(sql: str) -> Iterator[Statement]:
    """The statements, cut where SQLite says that one is complete (a trigger has semicolons inside)."""
    start = 0
    while (start := _after_blank(sql, start)) < len(sql):
        end = start
        while True:
            end = sql.find(";", end) + 1
            if end == 0:
                end = len(sql)
                break
            if sqlite3.complete_statement(sql[start:end]):
                break
        yield Statement(sql[start:end].rstrip("; \t\r\n"), sql.count("\n", 0, start) + 1)
        start = end


def _after_blank(sql: str, at: int) -> int:
    match = _BLANK.match(sql, at)
    assert match is not None
    return match.end()


def bare(text: str) -> str:
    """A statement without comments and with its string literals emptied."""
    return (
        _NOISE.sub(lambda match: "''" if match.group().startswith("'") else " ", text).strip().rstrip("; \n")
    )


@dataclass(frozen=True)
class Action:
    """What SQLite is about to do. ``first`` and ``second`` depend on ``what``; ``trigger`` does it."""

    what: str
    first: str
    second: str
    trigger: str


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    required: bool
    filled: bool
    """An INSERT that leaves it out gets a value."""
    default: str | None
    generated: bool


@dataclass(frozen=True)
class Table:
    columns: dict[str, Column]
    indexes: frozenset[str]
    triggers: frozenset[str]
    keys: frozenset[tuple[str, str, str]]
    """Foreign keys: column, referenced table, what happens when the referenced row is deleted."""
    unique: frozenset[tuple[str, ...]]
    sql: str
    invented: bool = False
    """No earlier migration creates it; its columns are only those that statements named."""


@dataclass
class Sandbox:
    """An empty database in memory. ``invented``: lower-case names of tables that had to be made up."""

    invented: set[str] = field(default_factory=set)
    inventions: int = 0

    def __post_init__(self) -> None:
        # A statement from Python's cache is not compiled again, so the authorizer would not hear of it.
        self._db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000_000)
        self._actions: list[Action] = []
        self._db.set_authorizer(self._record)
        self._left = 0
        self._db.set_progress_handler(self._tick, 100_000)

    def close(self) -> None:
        self._db.close()

    def _record(self, code: int, first: str | None, second: str | None, _: str | None, by: str | None) -> int:
        self._actions.append(Action(_CODES.get(code, "OTHER"), first or "", second or "", by or ""))
        return sqlite3.SQLITE_DENY if code == _ATTACH else sqlite3.SQLITE_OK

    def _tick(self) -> bool:
        self._left -= 100_000
        return self._left < 0

    def _do(self, sql: str) -> list[tuple[object, ...]]:
        self._left = _STEPS
        return self._db.execute(sql).fetchall()

    def compile(self, text: str) -> tuple[list[Action], str]:
        """What the statement would do, and SQLite's error, if any. Makes up what is missing to go on."""
        for _ in range(200):
            self._actions = []
            try:
                self._do(f"EXPLAIN {text}")
                message = ""
            except (sqlite3.Error, sqlite3.Warning) as error:
                message = str(error)
            actions, self._actions = self._actions, []
            if not message or not self._invent(message):
                break
            self.inventions += 1
        return actions, message

    def run(self, text: str) -> str:
        """Run what changes the schema; SQLite's error, if any."""
        try:
            self._do(text)
        except (sqlite3.Error, sqlite3.Warning) as error:
            return str(error)
        return ""

    def _invent(self, message: str) -> bool:
        """Make up what an error says is missing. Only ever changes tables that were made up before."""
        if match := _NO_TABLE.search(message):
            self.invented.add(match.group(1).lower())
            return not self.run(f"CREATE TABLE {_quoted(match.group(1))} (_unknown)")
        if match := _NO_COLUMN.search(message):
            name = match.group(1) or match.group(2)
            added = [
                not self.run(f"ALTER TABLE {_quoted(table)} ADD COLUMN {_quoted(name)}")
                for table in self.invented
            ]
            return any(added)
        if match := _NO_OTHER.search(message):
            name = _quoted(match.group(2))
            self.run("CREATE TABLE IF NOT EXISTS _unknown (_unknown)")
            return not self.run(
                {
                    "index": f"CREATE INDEX {name} ON _unknown (_unknown)",
                    "view": f"CREATE VIEW {name} AS SELECT 1",
                    "trigger": f"CREATE TRIGGER {name} AFTER DELETE ON _unknown BEGIN SELECT 1; END",
                }[match.group(1)]
            )
        if (match := _TOO_FEW.search(message)) and match.group(1).lower() in self.invented:
            return not self.run(f"ALTER TABLE {_quoted(match.group(1))} ADD COLUMN _unknown{match.group(2)}")
        return False

    def tables(self) -> dict[str, Table]:
        """Every table by its lower-case name."""
        found = {}
        rows = self._do(
            "SELECT name, sql FROM (SELECT * FROM sqlite_master UNION ALL SELECT * FROM sqlite_temp_master)"
            " WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'"
        )
        for name, sql in rows:
            found[str(name).lower()] = self._table(str(name), str(sql))
        return found

    def _table(self, name: str, sql: str) -> Table:
        columns = {}
        for _, column, kind, required, default, key, hidden in self._do(
            f"PRAGMA table_xinfo({_quoted(name)})"
        ):
            rowid = bool(key) and str(kind).upper() == "INTEGER"
            columns[str(column).lower()] = Column(
                name=str(column),
                type=str(kind),
                required=bool(required) and not rowid,
                filled=rowid or bool(hidden) or (default is not None and str(default).upper() != "NULL"),
                default=None if default is None else str(default),
                generated=bool(hidden),
            )
        unique = set()
        indexes = set()
        for _, index, is_unique, origin, _ in self._do(f"PRAGMA index_list({_quoted(name)})"):
            if origin == "c":
                indexes.add(str(index).lower())
            elif is_unique:
                unique.add(
                    tuple(str(row[2]) for row in self._do(f"PRAGMA index_info({_quoted(str(index))})"))
                )
        keys = {
            (str(row[3]).lower(), str(row[2]).lower(), str(row[6]))
            for row in self._do(f"PRAGMA foreign_key_list({_quoted(name)})")
        }
        triggers = {
            str(row[0]).lower()
            for row in self._db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = ?",
                (name.lower(),),
            )
        }
        return Table(
            columns,
            frozenset(indexes),
            frozenset(triggers),
            frozenset(keys),
            frozenset(unique),
            sql,
            name.lower() in self.invented,
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
