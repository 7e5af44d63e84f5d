"""D1 goes back only as far as it must, with the loss measured first (D13, D14, S31, S127-S130)."""

import json
import time
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance
from tests.support.environment import WORKERS, Environment
from tests.support.kill import kill_at
from tests.support.sample_app import deploy_script

DATABASE = "must-be-viral-content-local"
CONTENT = WORKERS["content-worker"]


class Content:
    """The application's data, as D1 shows it."""

    def __init__(self, environment: Environment) -> None:
        self._api = environment.api
        found = environment.api("GET", f"A/d1/database?name={DATABASE}")
        self._path = f"A/d1/database/{found[0]['uuid']}/query"

    def __call__(self, sql: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = self._api("POST", self._path, {"sql": sql})[-1]["results"]
        return rows

    def write(self, id_: str, column: str = "text") -> None:
        now = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
        values = f"'{id_}', 't', '{'x' * 200}', {now}, {now}"
        self(f"INSERT INTO items (id, title, {column}, created, updated) VALUES ({values})")

    @property
    def ids(self) -> set[object]:
        """Without those of synthetic users."""
        return {row["id"] for row in self("SELECT id FROM items WHERE title NOT LIKE 'knowngood-%'")}

    @property
    def columns(self) -> set[object]:
        return {row["name"] for row in self("SELECT name FROM pragma_table_info('items')")}


@pytest.fixture
def broken(environment: Environment, seeded: Instance) -> Environment:
    """r4 brings a migration that takes away a column; something is written before it, and behind it."""
    environment.serve("r2")
    Content(environment).write("before")
    # D1 notes whole seconds, so Time Travel goes to the beginning of the second of the migration.
    time.sleep(1.1)
    target = deploy_script.Target.of_state(seeded.state)
    deploy_script.deploy("r4", target=target, bad="throws", bad_migration=True, only=["content"])
    Content(environment).write("behind", column="body")
    return environment


# r3 is bad too, so these runs say where to go; only content has an r4.
TO_R2 = ("-e", "release=r2")


def test_a_schema_that_only_grew_is_left_alone(environment: Environment) -> None:
    run = environment.play("rollback.yml", "-e", "release=r1")
    assert run.code == 0, run.output
    planned = next(event for event in run.events if event["event"] == "databases.plan")["databases"][0]
    assert planned["method"] == "nothing"
    assert "only adds" in planned["why"]
    assert "tags" in Content(environment).columns


def test_what_a_bad_migration_took_comes_back(broken: Environment) -> None:
    content = Content(broken)
    assert "text" not in content.columns
    run = broken.play("rollback.yml", *TO_R2)
    assert run.code == 0, run.output
    assert {"text", "tags"} <= content.columns
    assert content.ids == {"before"}
    assert len(str(content("SELECT text FROM items WHERE id = 'before'")[0]["text"])) == 200
    kept = next(event for event in run.events if event["event"] == "database.moved")["kept"]
    assert any('"behind"' in Path(path).read_text() for path in kept)
    assert broken.live()[CONTENT] == broken.versions("r2")[CONTENT]
    again = broken.play("rollback.yml", *TO_R2)
    assert again.code == 0, again.output
    assert "nothing to do" in again.last_line


def test_more_loss_than_allowed_needs_a_word_about_this_plan(broken: Environment) -> None:
    asked = (*TO_R2, "-e", "loss_allowed=0")
    mark = broken.api.mark()
    refused = broken.play("rollback.yml", *asked)
    assert refused.code == 10, refused.output
    assert "would lose up to" in refused.output
    assert not [call for call in broken.writes(mark) if "restore" in call or "deployments" in call]
    assert "text" not in Content(broken).columns
    hash_ = next(event["hash"] for event in refused.events if event["event"] == "databases.plan")
    assert f"-e accept_loss={hash_}" in refused.output
    wrong = broken.play("rollback.yml", *asked, "-e", "accept_loss=000000000000")
    assert wrong.code == 10
    accepted = broken.play("rollback.yml", *asked, "-e", f"accept_loss={hash_}")
    assert accepted.code == 0, accepted.output
    assert "text" in Content(broken).columns


def test_what_is_unclear_is_refused_with_the_choices(broken: Environment) -> None:
    asked = (*TO_R2, "-e", "when_unclear=refuse")
    refused = broken.play("rollback.yml", *asked)
    assert refused.code == 10, refused.output
    assert "0003_body.sql" in refused.output
    choice = """-e '{"database_method": {"content-db": "rewind"}}'"""
    assert choice in refused.output
    assert "text" not in Content(broken).columns
    chosen = broken.play(
        "rollback.yml", *asked, "-e", json.dumps({"database_method": {"content-db": "rewind"}})
    )
    assert chosen.code == 0, chosen.output
    assert "text" in Content(broken).columns


def test_an_undo_brings_back_what_was_written_since(broken: Environment) -> None:
    run = broken.play("rollback.yml", *TO_R2)
    assert run.code == 0, run.output
    undone = broken.play("rollback.yml", "-e", f"undo={run.events[0]['run']}")
    assert undone.code == 0, undone.output
    assert "content-db is as it was before" in undone.last_line
    assert Content(broken).ids == {"before", "behind"}
    assert broken.live()[CONTENT] == broken.versions("r2")[CONTENT]


def test_the_check_shows_the_loss_and_touches_nothing(broken: Environment) -> None:
    mark = broken.api.mark()
    run = broken.play("rollback.yml", *TO_R2, "--check", "--diff")
    assert run.code == 0, run.output
    assert "rewind" in run.output
    assert not [call for call in broken.writes(mark) if "restore" in call or "deployments" in call]
    assert "text" not in Content(broken).columns


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_the_restore_and_run_again_it_arrives(broken: Environment, phase: str) -> None:
    held = {"method": "POST", "path": "time_travel/restore"}
    kill_at(broken, (held, 0), phase, *TO_R2)
    again = broken.play("rollback.yml", *TO_R2)
    assert again.code == 0, again.output
    assert Content(broken).ids == {"before"}
    assert broken.live()[CONTENT] == broken.versions("r2")[CONTENT]
