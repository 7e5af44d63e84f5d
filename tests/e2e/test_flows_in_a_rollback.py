"""Flows in a rollback and in a validation, as typed, on the sample application (S47-S50, S57, S58, S90)."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator

import pytest

from local_cloudflare.launch import start
from plugins.module_utils.flow.left import FOLDER
from tests.support.environment import DATABASE, Environment, Run
from tests.support.seed import Seed

SESSIONS = "must-be-viral-session-store-local"


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One for the whole file: the tests follow on each other."""
    with start(seed.copy(tmp_path_factory.mktemp("flows") / "state")) as instance:
        yield Environment(instance)


def flows(run: Run) -> dict[str, tuple[str, str]]:
    """Per flow the verdict and the detail."""
    checks = [event for event in run.events if event["event"] == "check" and "flow " in event["check"]]
    return {check["check"].removeprefix("flow "): (check["verdict"], check["detail"]) for check in checks}


def kept(environment: Environment) -> dict[str, str]:
    """Per flow the id of what is kept for the next run."""
    found = [json.loads(path.read_text()) for path in (environment.runs / FOLDER / "local").glob("*.json")]
    assert all(item["kept"] for item in found), found
    return {item["flow"]: item["values"]["id"] for item in found}


def synthetic(environment: Environment) -> tuple[set[str], set[str]]:
    """Accounts of synthetic users, and items of theirs that came since the seed."""
    api = environment.api
    namespaces = api("GET", "A/storage/kv/namespaces?per_page=100")
    (sessions,) = [item["id"] for item in namespaces if item["title"] == SESSIONS]
    keys = {
        key["name"] for key in api("GET", f"A/storage/kv/namespaces/{sessions}/keys?prefix=user:knowngood")
    }
    database = api("GET", f"A/d1/database?name={DATABASE}")[0]["uuid"]
    sql = "SELECT id FROM items WHERE title LIKE 'knowngood-%'"
    rows = api("POST", f"A/d1/database/{database}/query", {"sql": sql})[-1]["results"]
    return keys, {str(row["id"]) for row in rows}


def test_a_rollback_is_proved_by_what_users_do(environment: Environment) -> None:
    """The release that is left throws, so nothing could be made under it: that is a remark, and no failure."""
    accounts, items = synthetic(environment)
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    found = flows(run)
    assert {name: verdict for name, (verdict, _) in found.items()} == {
        **dict.fromkeys(("login", "content", "payment"), "pass"),
        **dict.fromkeys(("session", "stored", "room"), "inconclusive"),
    }
    assert (
        "not known whether anything survived the change: auth-worker was not well before it"
        in found["session"][1]
    )
    assert "3 flows work" in run.last_line
    assert "flow session (auth-worker): not known whether" in run.output
    assert run.journal is not None
    checks = json.loads((run.journal.parent / "validation.json").read_text())["checks"]
    assert ("api-gateway", "flow payment") in {(check["component"], check["check"]) for check in checks}
    left = kept(environment)
    assert set(left) == {"session", "stored", "room"}
    now = synthetic(environment)
    assert len(now[0] - accounts) == 1
    assert now[1] - items == {left["stored"]}


def test_what_a_killed_validation_made_is_cleaned_up_by_the_next_one(environment: Environment) -> None:
    accounts, items = synthetic(environment)
    folder = environment.runs / FOLDER / "local"
    command = environment.start("validate.yml", "--tags", "flows")
    until = time.monotonic() + 60
    while len(list(folder.glob("*.json"))) < 6:
        assert command.poll() is None and time.monotonic() < until, command.communicate()
        time.sleep(0.002)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(command.pid, signal.SIGKILL)
    command.communicate()
    until = time.monotonic() + 5
    while environment.processes():
        assert time.monotonic() < until, environment.processes()
        time.sleep(0.01)
    assert len(list(folder.glob("*.json"))) > 3

    run = environment.play("validate.yml", "--tags", "flows")
    assert run.code == 0, run.output
    assert {verdict for verdict, _ in flows(run).values()} == {"pass"}
    assert "6 flows work" in run.last_line
    assert set(kept(environment)) == {"session", "stored", "room"}
    assert synthetic(environment) == (accounts, items)
