"""Migration drivers on real PostgreSQL servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from plugins.module_utils.journal import read
from plugins.module_utils.migrate.driver import Driver, open_driver
from plugins.module_utils.migrate.model import (
    Busy,
    Dirty,
    Interrupted,
    Kind,
    MigrationError,
    MissingDown,
    worst,
)
from plugins.module_utils.migrate.postgres_executor import PostgresExecutor
from plugins.module_utils.postgres.connect import Server
from tests.support.journal import journal
from tests.support.migrations import write
from tests.support.postgres import Postgres

ROOT = Path(__file__).parents[2]

PLAIN = {
    "001_users.sql": """CREATE TABLE users (id bigserial PRIMARY KEY, email text);
INSERT INTO users (email) VALUES ('a');""",
    "001_users.down.sql": "DROP TABLE users;",
    "002_name.up.sql": "ALTER TABLE users ADD COLUMN name text; -- nullable",
    "002_name.down.sql": "ALTER TABLE users DROP COLUMN name; -- and away",
    "003_rename.sql": """-- migrate:up
ALTER TABLE users RENAME email TO mail;
-- migrate:down
ALTER TABLE users RENAME mail TO email;""",
}


@pytest.fixture
def opened(postgres: Postgres, database: str, tmp_path: Path) -> Iterator[Any]:
    executors = []

    def open_(kind: str, files: dict[str, str] | None = None, **options: Any) -> Driver:
        directory = write(tmp_path / "migrations", **(files or {}))
        limits = {name: options.pop(name) for name in ("lock_timeout",) if name in options}
        executor = PostgresExecutor(postgres.server(database), **limits)
        executors.append(executor)
        return open_driver(kind, directory, executor, journal(tmp_path), **{"wait": 1.0, **options})

    yield open_
    for executor in executors:
        executor.close()


def test_plain_files(postgres: Postgres, database: str, opened: Any) -> None:
    driver = opened("plain", PLAIN)
    assert driver.status().pending == ("001", "002", "003")
    assert driver.up("002") == ["001", "002"]
    assert driver.up() == ["003"]
    assert driver.status() == type(driver.status())(("001", "002", "003"), ())
    assert [finding.kind for finding in driver.judge(["003", "002"])] == [Kind.REVERSIBLE, Kind.ADDITIVE]
    steps = driver.plan_down("001")
    assert [(step.migration.id, worst(step.findings)) for step in steps] == [
        ("003", Kind.REVERSIBLE),
        ("002", Kind.LOSSY),
    ]
    assert driver.down("001") == ["003", "002"]
    assert postgres.columns(database, "users") == ["email", "id"]
    assert driver.down("001") == []
    assert driver.down(None) == ["001"]
    assert postgres.columns(database, "users") == []
    assert driver.up() == ["001", "002", "003"]


def test_dbmate(postgres: Postgres, database: str, opened: Any) -> None:
    files = {
        "20260101_users.sql": """-- migrate:up
CREATE TABLE users (id int);
-- migrate:down
DROP TABLE users;""",
        "20260102_name.sql": """-- migrate:up
ALTER TABLE users ADD name text;
-- migrate:down
ALTER TABLE users DROP name;""",
    }
    # As dbmate leaves it.
    postgres.sql(database, "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY)")
    postgres.sql(database, "CREATE TABLE users (id int, name text)")
    postgres.sql(database, "INSERT INTO schema_migrations VALUES ('20260101'), ('20260102')")
    driver = opened("dbmate", files)
    assert driver.status().applied == ("20260101", "20260102")
    assert driver.down("20260101") == ["20260102"]
    assert postgres.sql(database, "SELECT version FROM schema_migrations") == [("20260101",)]
    assert postgres.columns(database, "users") == ["id"]


GOLANG = {
    "000001_users.up.sql": "CREATE TABLE users (id int);",
    "000001_users.down.sql": "DROP TABLE users;",
    "000002_name.up.sql": "ALTER TABLE users ADD name text;",
    "000002_name.down.sql": "BEGIN;\nALTER TABLE users DROP name;\nCOMMIT;",
}


def as_golang_migrate_leaves_it(postgres: Postgres, database: str, *, dirty: bool) -> None:
    postgres.sql(
        database, "CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL)"
    )
    postgres.sql(database, "CREATE TABLE users (id int, name text)")
    postgres.sql(database, "INSERT INTO schema_migrations VALUES (2, %s)", (dirty,))


def test_golang_migrate(postgres: Postgres, database: str, opened: Any) -> None:
    as_golang_migrate_leaves_it(postgres, database, dirty=False)
    driver = opened("golang-migrate", GOLANG)
    assert driver.status().applied == ("1", "2")
    assert driver.down("1") == ["2"]
    assert postgres.sql(database, "SELECT * FROM schema_migrations") == [(1, False)]
    assert driver.down(None) == ["1"]
    assert postgres.sql(database, "SELECT * FROM schema_migrations") == []
    assert driver.up() == ["1", "2"]
    assert postgres.sql(database, "SELECT * FROM schema_migrations") == [(2, False)]


def test_golang_migrate_dirty(postgres: Postgres, database: str, opened: Any) -> None:
    as_golang_migrate_leaves_it(postgres, database, dirty=True)
    driver = opened("golang-migrate", GOLANG)
    status = driver.status()
    assert status.dirty == "2"
    assert "000002_name.up.sql is half-applied" in status.problems[0]
    assert "migrate force VERSION" in status.problems[0]
    for act in (driver.down, driver.plan_down, driver.up):
        with pytest.raises(Dirty, match=r"half-applied.*migrate force"):
            act("1")
    assert postgres.columns(database, "users") == ["id", "name"]


def test_golang_migrate_itself_is_kept_off(postgres: Postgres, database: str, opened: Any) -> None:
    as_golang_migrate_leaves_it(postgres, database, dirty=False)
    driver = opened("golang-migrate", GOLANG, wait=0.3)
    # What `migrate -database postgres://.../NAME` takes: CRC-32 of schema, table and path, times a salt.

    key = zlib.crc32(f"public\0schema_migrations\0/{database}".encode()) * 1486364155 % 2**32
    with postgres.cursor(database) as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", (key,))
        with pytest.raises(Busy, match=r"somebody else has been migrating this database for 0\.3 s"):
            driver.down("1")
    assert driver.down("1") == ["2"]


def test_missing_ways_down_are_all_named_before_anything_changes(
    postgres: Postgres, database: str, opened: Any
) -> None:
    files = {
        name: text for name, text in PLAIN.items() if name not in ("001_users.down.sql", "002_name.down.sql")
    }
    driver = opened("plain", files)
    driver.up()
    with pytest.raises(MissingDown, match=r"002 \(expected in .*002_name\.down\.sql\), 001 \(expected"):
        driver.down(None)
    assert postgres.columns(database, "users") == ["id", "mail", "name"]


def test_a_step_that_fails_leaves_nothing_behind(postgres: Postgres, database: str, opened: Any) -> None:
    bad = {"002_name.down.sql": "ALTER TABLE users DROP COLUMN name;\nDROP TABLE never_there;"}
    driver = opened("plain", PLAIN | bad)
    driver.up()
    with pytest.raises(
        MigrationError, match=r'002_name\.down\.sql \(002, down\): .*"never_there" does not exist'
    ):
        driver.down("001")
    assert postgres.columns(database, "users") == ["email", "id", "name"]
    assert driver.status().applied == ("001", "002")


def test_no_row_is_told(postgres: Postgres, database: str, opened: Any, tmp_path: Path) -> None:
    files = {
        "001_a.sql": "CREATE TABLE users (email text); INSERT INTO users VALUES ('secret@x'), ('secret@x');",
        "002_b.sql": "CREATE UNIQUE INDEX ON users (email);",
    }
    driver = opened("plain", files)
    with pytest.raises(MigrationError) as failed:
        driver.up()
    assert "secret@x" not in str(failed.value)
    assert all("secret@x" not in path.read_text() for path in tmp_path.glob("runs/*/*"))


CONCURRENT = PLAIN | {
    "004_unique.sql": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS one_mail ON users (mail);",
    "004_unique.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS one_mail;",
}


def half_applied(postgres: Postgres, database: str, driver: Driver) -> None:
    driver.up("003")
    postgres.sql(database, "INSERT INTO users (mail) VALUES ('a')")
    with pytest.raises(MigrationError, match="may be half done; run it again"):
        driver.up()
    assert postgres.sql(
        database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_mail'::regclass"
    ) == [(False,)]
    status = driver.status()
    assert status.dirty == "004"
    assert "UPDATE knowngood_migrations SET state = 'applied' WHERE id = '004'" in status.problems[0]


def test_half_applied_and_down(postgres: Postgres, database: str, opened: Any) -> None:
    driver = opened("plain", CONCURRENT)
    half_applied(postgres, database, driver)
    assert not driver.plan_down("003")[0].transaction
    assert driver.down("002") == ["004", "003"]
    assert postgres.sql(database, "SELECT to_regclass('one_mail')") == [(None,)]
    assert driver.status().dirty is None


def test_half_applied_and_up_again(postgres: Postgres, database: str, opened: Any) -> None:
    driver = opened("plain", CONCURRENT)
    half_applied(postgres, database, driver)
    postgres.sql(database, "DELETE FROM users WHERE id > 1")
    assert driver.up() == ["004"]
    assert postgres.sql(
        database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'one_mail'::regclass"
    ) == [(True,)]
    assert driver.status().dirty is None


def test_half_applied_with_a_way_down_that_cannot_be_run_over_it(
    postgres: Postgres, database: str, opened: Any
) -> None:
    driver = opened("plain", CONCURRENT | {"004_unique.down.sql": "DROP INDEX one_mail;"})
    half_applied(postgres, database, driver)
    with pytest.raises(Dirty, match=r"004_unique\.sql is half-applied: look at what of it is there"):
        driver.down("003")


def test_enum_values_and_old_servers(postgres: Postgres, database: str, opened: Any) -> None:
    driver = opened(
        "plain",
        {
            "1_mood.sql": "CREATE TYPE mood AS ENUM ('ok');",
            "2_glad.sql": "ALTER TYPE mood ADD VALUE IF NOT EXISTS 'glad';",
            "2_glad.down.sql": "-- the value stays: PostgreSQL cannot take it out, and nothing writes it",
        },
    )
    assert driver.up() == ["1", "2"]
    assert worst(driver.judge(["2"])) is Kind.ADDITIVE
    assert driver.down("1") == ["2"]


def test_a_table_that_others_hold(postgres: Postgres, database: str, opened: Any) -> None:
    driver = opened("plain", PLAIN, lock_timeout=0.3)
    driver.up()
    holder = psycopg2.connect(postgres.instance.dsn(database))
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE users IN ACCESS SHARE MODE")
        began = time.monotonic()
        with pytest.raises(
            Busy, match=r"003_rename\.sql \(003, down\): others have held .* 0\.3 s; nothing of it"
        ):
            driver.down("001")
        assert time.monotonic() - began < 3
    holder.close()
    assert driver.down("001") == ["003", "002"]


def test_a_second_runner_waits_and_then_has_nothing_to_do(
    postgres: Postgres, database: str, opened: Any
) -> None:
    slow = {"003_rename.sql": PLAIN["003_rename.sql"] + "\nSELECT pg_sleep(0.5);"}
    first = opened("plain", PLAIN | slow)
    first.up()
    second = opened("plain", wait=5.0)
    done: list[list[str]] = []
    others = [
        threading.Thread(target=lambda d=driver: done.append(d.down("001"))) for driver in (first, second)
    ]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert sorted(done) == [[], ["003", "002"]]


def test_a_lost_connection_is_made_again(postgres: Postgres, database: str, opened: Any) -> None:
    slow = {"002_name.down.sql": "SELECT pg_sleep(0.6);\nALTER TABLE users DROP COLUMN name;"}
    driver = opened("plain", PLAIN | slow)
    driver.up()

    def cut() -> None:
        time.sleep(0.3)
        postgres.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            (database,),
        )

    cutter = threading.Thread(target=cut)
    cutter.start()
    assert driver.down("001")[-1] == "002"
    cutter.join()
    assert postgres.columns(database, "users") == ["email", "id"]


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    server = Server.of("postgresql://app:hunter22@127.0.0.1:1/shop")
    driver = open_driver("plain", write(tmp_path / "m", **PLAIN), PostgresExecutor(server), journal(tmp_path))
    with pytest.raises(Interrupted, match=r"no connection to postgresql://app@127\.0\.0\.1:1/shop") as failed:
        driver.down("001")
    assert "hunter22" not in str(failed.value)


RUNNER = """
import sys
from pathlib import Path
from plugins.module_utils.migrate.driver import open_driver
from plugins.module_utils.migrate.postgres_executor import PostgresExecutor
from plugins.module_utils.postgres.connect import Server
from tests.support.journal import journal
folder = Path(sys.argv[1])
executor = PostgresExecutor(Server.of(sys.stdin.readline().strip()))
open_driver("plain", folder / "migrations", executor, journal(folder / sys.argv[2])).down("001")
"""


@pytest.mark.parametrize("step", ["003", "002"])
def test_killed_and_run_again(
    postgres: Postgres, database: str, opened: Any, tmp_path: Path, step: str
) -> None:
    driver = opened(
        "plain",
        PLAIN
        | {
            "002_name.down.sql": "ALTER TABLE users DROP COLUMN name;\nSELECT pg_sleep(0.4);",
            "003_rename.sql": PLAIN["003_rename.sql"] + "\nSELECT pg_sleep(0.4);",
        },
        wait=10.0,
    )
    driver.up()
    runner = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(RUNNER), str(tmp_path), "killed"],
        stdin=subprocess.PIPE,
        cwd=ROOT,
    )
    assert runner.stdin is not None
    runner.stdin.write(postgres.instance.dsn(database).encode() + b"\n")
    runner.stdin.close()
    _wait_for(tmp_path / "killed", step)
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    applied = driver.status().applied
    assert applied == (("001", "002", "003") if step == "003" else ("001", "002"))
    assert driver.down("001") == list(reversed(applied[1:]))
    assert postgres.columns(database, "users") == ["email", "id"]


def _wait_for(folder: Path, step: str) -> None:
    end = time.monotonic() + 15
    while time.monotonic() < end:
        for path in folder.glob("runs/*/journal.jsonl"):
            if any(e["event"] == "migration.start" and e["migration"] == step for e in read(path)):
                time.sleep(0.1)
                return
        time.sleep(0.02)
    pytest.fail("the runner did not come that far")


def test_a_changed_file_is_noticed(postgres: Postgres, database: str, opened: Any) -> None:
    opened("plain", PLAIN).up()
    driver = opened("plain", {"002_name.up.sql": "ALTER TABLE users ADD COLUMN nick text;"})
    assert ["002_name.up.sql was changed since it was applied" in p for p in driver.status().problems] == [
        True
    ]


def test_names_of_tables_and_drivers(opened: Any) -> None:
    with pytest.raises(MigrationError, match="is not a name of a table"):
        opened("plain", PLAIN, table="x; DROP TABLE y")
    with pytest.raises(MigrationError, match=r"there is no driver 'flyway'.* plain, d1, dbmate"):
        opened("flyway", PLAIN)
    driver = opened("plain", PLAIN, table="public.our_migrations")
    assert driver.up("001") == ["001"]
