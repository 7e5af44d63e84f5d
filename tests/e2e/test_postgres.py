"""PostgreSQL goes back only as far as it must: exact loss, proved backup, undo (S31, S96, S99, S130)."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance
from local_postgres import launch as postgres
from tests.support.app import App
from tests.support.environment import Environment


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Instance]:
    with postgres.start(tmp_path_factory.mktemp("app") / "postgres") as running:
        yield running


@pytest.fixture
def app(seeded: Instance, server: postgres.Instance) -> App:
    """Before r2: 0001 and 0002 with two payments. Nothing is backed up yet."""
    made = App(Environment(seeded), server)
    made.migrate("0002")
    made.pay(999)
    made.pay(1)
    return made


def test_a_way_down_is_taken_where_the_schema_must_go_back(app: App) -> None:
    run = app.back(schema_levels={"r2": "0001"}, schema_works_up_to={"r2": "0001"})
    assert run.code == 0, run.output
    assert "down migrations" in run.output
    assert all("language" not in row for row in app.payments)


def test_without_a_backup_what_is_lost_cannot_come_back(app: App) -> None:
    app.migrate("0003")
    refused = app.back()
    assert refused.code == 10, refused.output
    assert "0003" in refused.output
    assert "there is no earlier state" in refused.output
    assert "amount" in app.payments[0]


def test_a_proved_backup_brings_it_back_and_an_undo_the_rest(app: App) -> None:
    backup = app.environment.play("backup.yml")
    assert backup.code == 0, backup.output
    assert "proved by restoring" in backup.last_line
    time.sleep(0.1)
    app.migrate("0003")
    app.pay(5, column="amount")
    few = app.back(loss_allowed=0)
    assert few.code == 10, few.output
    assert "would lose 1 row: public.users: 1 inserted, 0 changed, 0 deleted since" in few.output
    assert "amount" in app.payments[0]

    run = app.back()
    assert run.code == 0, run.output
    assert [row["cents"] for row in app.payments] == [999, 1]
    kept = next(event for event in run.events if event["event"] == "database.moved")["kept"]
    assert any(Path(path).name.endswith(".inserted.csv") for path in kept)
    again = app.back()
    assert again.code == 0
    assert "nothing to do" in again.last_line

    undone = app.environment.play("rollback.yml", "-e", f"undo={run.events[0]['run']}", "--limit", "app-db")
    assert undone.code == 0, undone.output
    assert [row["amount"] for row in app.payments] == [9, 0, 5]


def test_a_damaged_backup_is_refused_before_anything_is_touched(app: App) -> None:
    assert app.environment.play("backup.yml").code == 0
    app.migrate("0003")
    folder = next((app.environment.instance.state / "backups").iterdir())
    dump = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    dump.write_bytes(dump.read_bytes()[:-20])
    before = app.environment.live()
    run = app.back()
    assert run.code == 10, run.output
    assert "truncated" in run.output or "bytes" in run.output
    assert app.environment.live() == before
    assert "amount" in app.payments[0]


def test_another_database_than_the_declared_one_is_refused(app: App) -> None:
    run = app.back(postgres_identity={"name": "mustbeviral", "system_identifier": "1"})
    assert run.code == 10, run.output
    assert "its system identifier is" in run.output


def test_the_password_is_nowhere(app: App) -> None:
    assert app.environment.play("backup.yml", "-vvv").code == 0
    app.migrate("0003")
    run = app.back("-vvv", "--diff")
    assert run.code == 0, run.output
    assert app.server.password not in run.output
    for path in app.environment.runs.rglob("*"):
        assert not path.is_file() or app.server.password not in path.read_text(errors="replace"), path
