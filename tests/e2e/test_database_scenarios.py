"""PostgreSQL in trouble: a run ends in the old state, the new one, or says how to go on (S31, S96, S130)."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from local_cloudflare.launch import start
from local_postgres import launch as postgres
from tests.support.app import App, kept_rows, writing
from tests.support.environment import Environment
from tests.support.migrations import write
from tests.support.postgres import small_disk
from tests.support.sample_app import app_database
from tests.support.seed import Seed

RENAME_AND_DROP = {
    "0003_names.up.sql": "ALTER TABLE users RENAME COLUMN email TO mail;\n"
    "ALTER TABLE payments ADD COLUMN note text;\nCREATE TABLE coupons (code text PRIMARY KEY);",
    "0003_names.down.sql": "DROP TABLE coupons;\nALTER TABLE payments DROP COLUMN note;\n"
    "ALTER TABLE users RENAME COLUMN mail TO email;",
}
ONE_OF_EACH = {
    "0003_once.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS once ON audit_log (what);",
    "0003_once.down.sql": "DROP INDEX CONCURRENTLY IF EXISTS once;",
}


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Serves r2 already, so that the runs are about the database."""
    with start(seed.copy(tmp_path_factory.mktemp("environment") / "state")) as instance:
        made = Environment(instance)
        made.serve("r2")
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Instance]:
    with postgres.start(tmp_path_factory.mktemp("app") / "postgres") as running:
        yield running


@pytest.fixture
def app(environment: Environment, server: postgres.Instance) -> Iterator[App]:
    """At the level of r2, with two payments; whatever a test does, it can be written at its end."""
    shutil.rmtree(environment.instance.state / "backups", ignore_errors=True)
    made = App(environment, server)
    made.migrate("0002")
    made.pay(999)
    made.pay(1)
    yield made
    assert made.is_free()


def migrations(tmp_path: Path, files: dict[str, str]) -> dict[str, Any]:
    """The application's first two migrations and others, as the inventory declares them."""
    folder = write(tmp_path / "migrations", **files)
    for file in app_database.MIGRATIONS.glob("000[12]*"):
        shutil.copy(file, folder)
    return {"driver": "plain", "path": str(folder)}


@pytest.fixture
def changed(app: App, tmp_path: Path) -> dict[str, Any]:
    """A column was renamed; one more with 2 values, and a table with 3 rows, would go on the way down."""
    declared = migrations(tmp_path, RENAME_AND_DROP)
    app.migrate("0003", Path(declared["path"]))
    app.sql("UPDATE payments SET note = 'paid'")
    app.sql("INSERT INTO coupons VALUES ('a'), ('b'), ('c')")
    return declared


def test_old_code_goes_on_writing_under_a_schema_that_only_grew(app: App) -> None:
    with writing(app) as sentinel:
        run = app.back(schema_levels={"r2": "0001"})
    assert run.code == 0, run.output
    assert "what came since (0002) only adds" in run.output
    assert app.applied == ["0001", "0002"]
    assert sentinel.acknowledged
    assert not sentinel.missing()


def test_a_rename_and_a_drop_lose_what_the_table_says(app: App, changed: dict[str, Any]) -> None:
    refused = app.back(migrations=changed, loss_allowed=0)
    assert refused.code == 10, refused.output
    would = re.findall(r"^app-db: would lose (.*)$", refused.output, re.MULTILINE)
    assert would == ['3 rows: all rows of "coupons"', '2 rows: values of "payments"."note"']
    assert {"mail"} <= app.columns("users")
    accepted = re.search(r"-e accept_loss=(\w+)", refused.output)
    assert accepted
    with writing(app) as sentinel:
        run = app.back(migrations=changed, loss_allowed=0, accept_loss=accepted[1])
    assert run.code == 0, run.output
    assert app.applied == ["0001", "0002"]
    assert "email" in app.columns("users")
    assert "note" not in app.columns("payments")
    kept = next(event for event in run.events if event["event"] == "database.moved")["kept"]
    assert [len(Path(path).read_text().splitlines()) for path in kept] == [3, 2]
    assert not sentinel.missing(), "a way down loses what it said, and nothing else"


def test_what_a_restore_loses_is_counted_to_the_row(app: App) -> None:
    app.back_up()
    app.migrate("0003")
    app.sql("INSERT INTO users (email) VALUES ('since@example.com')")
    refused = app.back(loss_allowed=0)
    assert refused.code == 10, refused.output
    assert re.findall(r"^app-db: would lose (.*)$", refused.output, re.MULTILINE) == [
        "2 rows: public.payments: 0 inserted, 0 changed, 0 deleted since, 2 values of amount",
        "1 row: public.users: 1 inserted, 0 changed, 0 deleted since",
    ]
    accepted = re.search(r"-e accept_loss=(\w+)", refused.output)
    assert accepted
    with writing(app) as sentinel:
        run = app.back(loss_allowed=0, accept_loss=accepted[1])
    assert run.code == 0, run.output
    assert [row["cents"] for row in app.payments] == [999, 1]
    moved = next(event for event in run.events if event["event"] == "database.moved")
    counted = {loss["table"]: loss["rows"] for loss in moved["losses"]}
    kept = [row["what"] for row in kept_rows(run, "public.audit_log")]
    assert len(kept) == counted["public.audit_log"]
    assert sentinel.missing()
    assert sentinel.missing() <= set(kept)
    assert set(sentinel.acknowledged) - sentinel.missing(), "the application wrote on behind the swap"
    app.put_back(run)
    assert len(app.sql("SELECT id FROM users")) == 3
    assert app.applied == ["0001", "0002"], "data come back, and not the word that the schema is another"


def test_a_half_applied_migration_is_named_with_the_way_on(app: App, tmp_path: Path) -> None:
    declared = migrations(tmp_path, ONE_OF_EACH)
    with pytest.raises(Exception, match="may be half done"):
        app.migrate("0003", Path(declared["path"]))
    refused = app.back(migrations=declared)
    assert refused.code == 10, refused.output
    told = "\n".join(refused.output.splitlines()[-6:])
    assert "0003_once.up.sql is half-applied: look at what of it is there" in told
    undone = re.search(r"if nothing is: (DELETE FROM knowngood_migrations WHERE id = '0003')", told)
    assert undone
    app.sql("DROP INDEX once")
    app.sql(undone[1])
    run = app.back(migrations=declared)
    assert run.code == 0, run.output


def test_a_table_that_somebody_holds_ends_the_run_in_time(app: App, changed: dict[str, Any]) -> None:
    holder = psycopg2.connect(app.server.dsn(app_database.NAME))
    holder.cursor().execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
    held = app.back(migrations=changed)
    assert held.code == 10, held.output
    assert "others have held a table that is needed for 5 s" in held.output
    assert "nothing was changed" in held.last_line
    holder.rollback()
    # Somebody who only reads is in nobody's way until the table is to be changed.
    holder.cursor().execute("SELECT id FROM payments")
    held = app.back(migrations=changed)
    assert held.code == 12, held.output
    assert "others have held a table that is needed for 5 s; nothing of it was done" in held.output
    assert "FAILED" in held.last_line
    assert app.applied[-1] == "0003"
    holder.close()
    run = app.back(migrations=changed)
    assert run.code == 0, run.output
    assert app.applied == ["0001", "0002"]


def test_a_held_table_does_not_stop_a_rollback_that_leaves_the_database(
    app: App, environment: Environment
) -> None:
    environment.serve("r3")
    holder = psycopg2.connect(app.server.dsn(app_database.NAME))
    holder.cursor().execute("LOCK TABLE payments IN ACCESS EXCLUSIVE MODE")
    try:
        run = app.back()
    finally:
        holder.close()
    assert environment.live() == environment.versions("r2")
    assert run.code == 16, run.output
    assert run.last_line == "NOT PROVED: the set is at r2, but local is not proved to work: app-db"
    held = "public.payments could not be read: a lock was not free in time: somebody else holds it"
    assert re.search(rf"app-db +nothing: its schema is that of r2; {held}", run.output), run.output
    assert f"not checked (filled, foreign_keys, sequences, latency): {held}" in run.output
    # Nothing is left of it once the lock is gone.
    after = environment.play("validate.yml", "--tags", "quick")
    assert after.code == 0, after.output


def test_a_full_disk_under_a_backup_is_named_and_leaves_nothing(app: App, tmp_path: Path) -> None:
    app.sql("INSERT INTO audit_log (what) SELECT gen_random_uuid() FROM generate_series(1, 9000)")
    small = tmp_path / "small"
    with small_disk(small) as meaning:
        run = app.environment.play(
            "backup.yml", "--limit", "app-db", "-e", f'{{"backups": {{"folder": "{small}"}}}}'
        )
        assert run.code != 0, run.output
        assert re.search(meaning, run.output), run.output
        assert list(small.iterdir()) == []
    # What is not there is not used.
    app.migrate("0003")
    refused = app.back()
    assert refused.code == 10, refused.output
    assert "there is no earlier state to go back to" in refused.output
    assert "amount" in app.columns("payments")
