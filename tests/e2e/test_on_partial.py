"""on_partial=restore where a database has moved: the data goes back with the code."""

import time

import pytest

from tests.e2e.test_databases import TO_R2, Content
from tests.support.environment import WORKERS, Environment
from tests.support.sample_app import deploy_script

RESTORE = (*TO_R2, "-e", "on_partial=restore")


@pytest.fixture
def stuck(environment: Environment) -> Environment:
    """r3 serves, with an r4 of content whose migration took a column away; auth does not take its target."""
    environment.serve("r2")
    Content(environment).write("before")
    # D1 notes whole seconds, so Time Travel goes to the beginning of the second of the migration.
    time.sleep(1.1)
    environment.serve("r3")
    target = deploy_script.Target.of_state(environment.instance.state)
    deploy_script.deploy("r4", target=target, bad="throws", bad_migration=True, only=["content"])
    Content(environment).write("behind", column="body")
    path = f"/{WORKERS['auth-worker']}/deployments$"
    # The first write is the rehearsal, the second the switch.
    match = {"method": "POST", "path": path}
    environment.api.fault({"kind": "error", "status": 403, "code": 10000, "match": match, "skip": 1})
    return environment


def is_old(content: Content) -> bool:
    return "text" not in content.columns and content.ids == {"before", "behind"}


def arrives(environment: Environment) -> bool:
    environment.api.heal()
    again = environment.play("rollback.yml", *TO_R2)
    assert again.code == 0, again.output
    content = Content(environment)
    return environment.live() == environment.versions("r2") and content.ids == {"before"}


def test_the_old_set_takes_its_data_with_it(stuck: Environment) -> None:
    before = stuck.live()
    run = stuck.play("rollback.yml", *RESTORE)
    assert run.code == 14, run.output
    assert any(event["event"] == "database.moved" for event in run.events)
    assert stuck.live() == before
    assert is_old(Content(stuck))
    assert arrives(stuck)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_data_that_did_not_go_back_is_named_with_the_command_for_it(stuck: Environment, phase: str) -> None:
    before = stuck.live()
    # The first restore takes the data to the target, the second back.
    match = {"method": "POST", "path": "time_travel/restore$"}
    stuck.api.fault({"kind": "reset", "phase": phase, "match": match, "skip": 1, "count": 1})
    run = stuck.play("rollback.yml", *RESTORE)
    assert run.code == 12, run.output
    assert "content-db could not be taken back" in run.last_line
    undo = f"-e undo={run.events[0]['run']}"
    assert f"ansible-playbook rollback.yml -i local {undo}" in run.output
    assert stuck.live() == before
    assert is_old(Content(stuck)) == (phase == "after")
    undone = stuck.play("rollback.yml", *undo.split())
    assert undone.code == 0, undone.output
    assert is_old(Content(stuck))
    assert arrives(stuck)
