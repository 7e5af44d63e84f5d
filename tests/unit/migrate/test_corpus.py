"""Every migration of the corpus is what its first line says, and SQLite's do what the classes promise."""

from __future__ import annotations

import sqlite3
from typing import Literal

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from plugins.module_utils.migrate.classify import classify
from plugins.module_utils.migrate.model import Kind, worst
from plugins.module_utils.migrate.sqlite_sandbox import split
from tests.support.corpus import Case, cases, given, old_code, statements


def check(case: Case, dialect: Literal["postgres", "sqlite"]) -> None:
    findings = classify(case.sql, dialect, before=given(dialect), migration="007")
    shown = "\n".join(map(str, findings))
    assert str(worst(findings)) == case.kind, shown
    assert any(case.says in finding.reason for finding in findings) or not case.says, shown
    worst_of_all = [finding for finding in findings if finding.kind is worst(findings)]
    if case.loses:
        assert {finding.loses for finding in worst_of_all} >= {case.loses}, shown
    for finding in findings:
        assert finding.migration == "007"
        assert bool(finding.loses) == (finding.kind is Kind.LOSSY)
        line = case.sql.splitlines()[finding.line - 1]
        assert finding.statement.split()[0] in line or "does not understand" in finding.reason


@pytest.mark.parametrize("case", cases("postgres"))
def test_postgres(case: Case) -> None:
    check(case, "postgres")


@pytest.mark.parametrize("case", cases("sqlite"))
def test_sqlite(case: Case) -> None:
    check(case, "sqlite")


@pytest.mark.parametrize("case", cases("sqlite"))
def test_sqlite_runs_it_and_code_from_before_works_when_it_is_additive(case: Case) -> None:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(given("sqlite"))
    if case.runs == "no":
        if "ATTACH" not in case.sql:
            with pytest.raises(sqlite3.Error):
                database.executescript(case.sql)
        return
    before = _rows(database)
    database.executescript(case.sql)
    if case.kind == "additive":
        assert before.items() <= _rows(database).items()
        for statement in split(old_code("sqlite")):
            database.execute(statement.text).fetchall()
    if case.loses != "up":
        # Whatever has become of the names of tables, no row is gone.
        assert sum(_rows(database).values()) >= sum(before.values())


def test_d1_would_delete_the_children_of_a_rebuilt_table() -> None:
    case = next(param.values[0] for param in cases("sqlite") if param.id == "rebuild_of_parent")
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(given("sqlite"))
    # Rows that refer to users without any rule would make D1 refuse.
    database.execute("DELETE FROM orders")
    database.execute("PRAGMA foreign_keys = ON")
    # Inside a transaction, which D1 always has, the PRAGMA of the script does nothing.
    database.executescript(f"BEGIN; {case.sql} COMMIT;")
    assert _rows(database)["users"] == 2
    assert _rows(database)["posts"] == 0


# Values that nothing else has, so that a lost one is missed.
MARKED = """
UPDATE users SET name = 'name ' || id, zip = 'zip 0' || id, age = 1000 + id, email = 'email ' || id;
UPDATE posts SET title = 'title ' || author;
UPDATE orders SET total = 2000.5 + id, note = '00' || id || '7';
INSERT INTO settings VALUES ('key', 'value');
"""


@over(parts=st.lists(st.sampled_from(statements("sqlite", split)), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_what_is_said_to_lose_nothing_loses_nothing(parts: list[str]) -> None:
    sql = "\n;\n".join(parts)
    findings = classify(sql, "sqlite", before=given("sqlite"))
    if any(finding.loses == "up" or finding.kind is Kind.IRREVERSIBLE for finding in findings):
        return
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(given("sqlite") + MARKED + "PRAGMA foreign_keys = ON;")
    before = _values(database)
    try:
        for statement in split(sql):
            database.execute(statement.text).fetchall()
    except sqlite3.Error:
        # With these rows it does not run to its end, so it is undone.
        return
    assert before <= _values(database)
    if worst(findings) is Kind.ADDITIVE:
        for statement in split(old_code("sqlite")):
            database.execute(statement.text).fetchall()


def _values(database: sqlite3.Connection) -> set[str]:
    rows = [row for name in _rows(database) for row in database.execute(f"SELECT * FROM {_quoted(name)}")]
    return {str(value) for row in rows for value in row if value is not None}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _rows(database: sqlite3.Connection) -> dict[str, int]:
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'"
    ).fetchall()
    return {
        name: database.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0] for (name,) in names
    }
