"""PostgreSQL goes back only as far as it must: exact loss, proved backup, undo (S31, S96, S99, S130)."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance
from local_postgres import launch as postgres
from tests.support.environment import Environment, Run
from tests.support.sample_app import app_database

EDGE = ("-e", "release=r2")


class App:
    """The application's database, and the environment around it."""

    def __init__(self, environment: Environment, server: postgres.Instance) -> None:
        self.environment = environment
        self.server = server

    def migrate(self, to: str) -> None:
        app_database.migrate(self.server, self.environment.instance.state, to)

    def pay(self, cents: int, column: str = "cents") -> None:
        app_database.pay(self.server, cents, column)

    @property
    def payments(self) -> list[dict[str, object]]:
        return [json.loads(row) for row in app_database.payments(self.server)]

    def back(self, *arguments: str) -> Run:
        return self.environment.play("rollback.yml", *EDGE, *arguments)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Instance]:
    with postgres.start(tmp_path_factory.mktemp("app") / "postgres") as running:
        yield running


@pytest.fixture
def app(seeded: Instance, server: postgres.Instance) -> Iterator[App]:
    """Before r2: 0001 and 0002 with two payments. Nothing is backed up yet."""
    environment = Environment(seeded)
    app_database.forget(server)
    app_database.announce(server, seeded.state)
    made = App(environment, server)
    made.migrate("0002")
    made.pay(999)
    made.pay(1)
    yield made


# The seed's releases were deployed before these migrations were applied, so their levels are declared.
DECLARED = {"schema_levels": {"r1": "0001", "r2": "0002"}}
LEVELS = ("-e", json.dumps(DECLARED), "--limit", "workers:pages:app-db")


def test_a_migration_that_only_adds_is_left_alone(app: App) -> None:
    run = app.environment.play("rollback.yml", "-e", "release=r1", *LEVELS)
    assert run.code == 0, run.output
    assert "only adds" in run.output


def test_a_way_down_is_taken_where_the_schema_must_go_back(app: App) -> None:
    works = {"schema_levels": {"r2": "0001"}, "schema_works_up_to": {"r2": "0001"}}
    run = app.back(*LEVELS, "-e", json.dumps(works))
    assert run.code == 0, run.output
    assert "down migrations" in run.output
    assert all("language" not in row for row in app.payments)


def test_without_a_backup_what_is_lost_cannot_come_back(app: App) -> None:
    app.migrate("0003")
    refused = app.back(*LEVELS)
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
    few = app.back(*LEVELS, "-e", "loss_allowed=0")
    assert few.code == 10, few.output
    assert "would lose 1 row: public.users: 1 inserted, 0 changed, 0 deleted since" in few.output
    assert "amount" in app.payments[0]

    run = app.back(*LEVELS)
    assert run.code == 0, run.output
    assert [row["cents"] for row in app.payments] == [999, 1]
    kept = next(event for event in run.events if event["event"] == "database.moved")["kept"]
    assert any(Path(path).name.endswith(".inserted.csv") for path in kept)
    again = app.back(*LEVELS)
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
    run = app.back(*LEVELS)
    assert run.code == 10, run.output
    assert "truncated" in run.output or "bytes" in run.output
    assert app.environment.live() == before
    assert "amount" in app.payments[0]


def test_another_database_than_the_declared_one_is_refused(app: App) -> None:
    run = app.back(*LEVELS, "-e", '{"postgres_identity": {"name": "mustbeviral", "system_identifier": "1"}}')
    assert run.code == 10, run.output
    assert "its system identifier is" in run.output


def test_the_password_is_nowhere(app: App) -> None:
    assert app.environment.play("backup.yml", "-vvv").code == 0
    app.migrate("0003")
    run = app.back(*LEVELS, "-vvv", "--diff")
    assert run.code == 0, run.output
    assert app.server.password not in run.output
    for path in app.environment.runs.rglob("*"):
        assert not path.is_file() or app.server.password not in path.read_text(errors="replace"), path
