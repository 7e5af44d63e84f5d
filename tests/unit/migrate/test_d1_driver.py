"""Wrangler's migrations, over SQLite that behaves as D1 does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.module_utils.cloudflare.errors import Unanswered
from plugins.module_utils.journal import read
from plugins.module_utils.migrate.d1_executor import D1Executor
from plugins.module_utils.migrate.driver import Driver, open_driver
from plugins.module_utils.migrate.model import Interrupted, Kind, MigrationError, MissingDown, worst
from tests.support.journal import journal
from tests.support.migrations import SqliteD1, write

FILES = {
    "0001_users.sql": """CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
INSERT INTO users (email) VALUES ('a');""",
    "0002_name.sql": "ALTER TABLE users ADD COLUMN name TEXT;",
    "0003_rename.sql": "ALTER TABLE users RENAME COLUMN email TO mail; -- for the new code",
    "down/0003_rename.sql": "ALTER TABLE users RENAME COLUMN mail TO email; -- and back",
    "down/0002_name.sql": "UPDATE users SET name = NULL;\n-- then\nALTER TABLE users DROP COLUMN name",
}


@pytest.fixture
def d1(tmp_path: Path) -> SqliteD1:
    return SqliteD1(tmp_path / "d1.sqlite")


@pytest.fixture
def driver(tmp_path: Path, d1: SqliteD1) -> Iterator[Driver]:
    directory = write(tmp_path / "migrations", **FILES)
    yield open_driver("d1", directory, D1Executor(d1), journal(tmp_path), component="users-db")


def columns(d1: SqliteD1) -> list[str]:
    return [row["name"] for row in d1.query("SELECT name FROM pragma_table_info('users')")]


def test_up_and_down(driver: Driver, d1: SqliteD1, tmp_path: Path) -> None:
    assert driver.status().pending == ("0001_users.sql", "0002_name.sql", "0003_rename.sql")
    assert driver.up() == ["0001_users.sql", "0002_name.sql", "0003_rename.sql"]
    assert driver.status().applied == ("0001_users.sql", "0002_name.sql", "0003_rename.sql")
    assert driver.up() == []
    assert columns(d1) == ["id", "mail", "name"]
    steps = driver.plan_down("0001_users.sql")
    assert [step.migration.id for step in steps] == ["0003_rename.sql", "0002_name.sql"]
    assert [str(worst(step.findings)) for step in steps] == ["reversible", "lossy"]
    assert driver.down("0001_users.sql") == ["0003_rename.sql", "0002_name.sql"]
    assert columns(d1) == ["id", "email"]
    assert driver.down("0001_users.sql") == []
    events = [
        (event["event"], event.get("migration"), event.get("ok"))
        for event in read(next(tmp_path.glob("runs/*/journal.jsonl")))
    ]
    assert ("migration.end", "0002_name.sql", True) in events


def test_judged_with_what_came_before(driver: Driver) -> None:
    findings = driver.judge(["0003_rename.sql", "0002_name.sql", "0009_gone.sql"])
    assert [finding.kind for finding in findings] == [Kind.REVERSIBLE, Kind.ADDITIVE, Kind.IRREVERSIBLE]
    assert findings[2].reason == "there is no file for it, so nobody knows what it did"


def test_a_missing_way_down_is_told_before_anything_changes(driver: Driver, d1: SqliteD1) -> None:
    driver.up()
    with pytest.raises(MissingDown, match=r"0001_users\.sql \(expected in .*/down/0001_users\.sql\)"):
        driver.down(None)
    assert columns(d1) == ["id", "mail", "name"]


def test_a_level_that_is_not_applied(driver: Driver) -> None:
    driver.up("0002_name.sql")
    with pytest.raises(
        MigrationError, match=r"0003_rename\.sql is not applied.*0001_users\.sql, 0002_name\.sql"
    ):
        driver.down("0003_rename.sql")
    with pytest.raises(MigrationError, match=r"there is no migration 0004\.sql"):
        driver.up("0004.sql")


def test_a_failing_step_changes_nothing_and_names_its_file(
    tmp_path: Path, driver: Driver, d1: SqliteD1
) -> None:
    bad = "ALTER TABLE users DROP COLUMN name; DROP TABLE never_there;"
    write(tmp_path / "migrations", **{"down/0002_name.sql": bad})
    driver.up()
    with pytest.raises(
        MigrationError, match=r"down/0002_name\.sql .*no such table: never_there.*nothing of it"
    ):
        driver.down("0001_users.sql")
    assert columns(d1) == ["id", "email", "name"]
    assert driver.status().applied == ("0001_users.sql", "0002_name.sql")


def test_a_second_runner_does_not_run_a_step_again(driver: Driver, d1: SqliteD1, tmp_path: Path) -> None:
    driver.up()
    other = open_driver("d1", tmp_path / "migrations", D1Executor(d1), journal(tmp_path))
    counted = d1.query

    def first_the_other(sql: str, params: tuple[object, ...] = ()) -> list[dict[str, object]]:
        if sql.startswith("SELECT json(") and "0003" in sql:
            d1.query = counted  # type: ignore[method-assign]
            assert other.down("0002_name.sql") == ["0003_rename.sql"]
        return counted(sql, params)

    d1.query = first_the_other  # type: ignore[method-assign]
    assert driver.down("0001_users.sql") == ["0003_rename.sql", "0002_name.sql"]
    assert columns(d1) == ["id", "email"]


def test_an_answer_that_was_lost_is_read_back(driver: Driver, d1: SqliteD1) -> None:
    driver.up()
    real = d1.query

    def lost(sql: str, params: tuple[object, ...] = ()) -> list[dict[str, object]]:
        rows = real(sql, params)
        if "RENAME COLUMN" in sql:
            raise Unanswered("reset after the write")
        return rows

    d1.query = lost  # type: ignore[method-assign]
    assert driver.down("0002_name.sql") == ["0003_rename.sql"]
    assert columns(d1) == ["id", "email", "name"]


def test_a_database_that_never_answers(driver: Driver, d1: SqliteD1) -> None:
    driver.up()

    def silent(sql: str, params: tuple[object, ...] = ()) -> list[dict[str, object]]:
        raise Unanswered("timed out")

    d1.query = silent  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match="D1 gave no answer: timed out"):
        driver.down("0002_name.sql")


def test_applied_and_files_that_do_not_fit(driver: Driver, d1: SqliteD1, tmp_path: Path) -> None:
    driver.up()
    d1.query("INSERT INTO d1_migrations (name) VALUES ('0004_elsewhere.sql')")
    write(tmp_path / "migrations", **{"0002_late.sql": "SELECT 1;"})
    again = open_driver("d1", tmp_path / "migrations", D1Executor(d1), journal(tmp_path))
    problems = again.status().problems
    assert any("0004_elsewhere.sql is applied, and" in problem for problem in problems)
    assert any("0002_late.sql is not applied, although the later" in problem for problem in problems)
    with pytest.raises(MissingDown, match=r"no file for 0004_elsewhere\.sql"):
        again.plan_down("0003_rename.sql")
