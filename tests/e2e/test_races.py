"""Rollbacks against a deploy that goes on and on with the real wrangler: nothing disappears unseen (issue 5)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from tests.support.environment import WORKERS, Environment, Run
from tests.support.sample_app import deploy_script
from tests.support.wrangler import VERSIONS, command

AUTH = WORKERS["auth-worker"]


@contextmanager
def deploying(environment: Environment) -> Iterator[list[str]]:
    """Deploys of the auth Worker, one after the other; the releases that wrangler said are deployed."""
    instance, done, end = environment.instance, list[str](), threading.Event()
    target = deploy_script.Target(instance.api_url, instance.api_token, instance.account_id)

    def deploy_on() -> None:
        while not end.is_set():
            release = f"x{len(done) + 1}"
            deploy_script.deploy(release, target=target, wrangler=command(VERSIONS[0]), only=["auth"])
            done.append(release)

    thread = threading.Thread(target=deploy_on)
    thread.start()
    try:
        yield done
    finally:
        end.set()
        thread.join()


def unseen(environment: Environment, run: Run) -> list[str]:
    """Versions that served after the plan was made, that do not serve any more, and of which the run says nothing."""
    plan = next(event for event in run.events if event["event"] == "plan")
    move = next(item for item in plan["moves"] if item["component"] == "auth-worker")
    ours = {move["to_id"], *(version for version, _ in move["live"])}
    ended = next(
        event
        for event in run.events
        if event["event"] == "switch.end" and event["component"] == "auth-worker"
    )
    told = {*ended.get("overrode", []), ended["where"]}
    deployments = environment.api("GET", f"A/workers/scripts/{AUTH}/deployments")["deployments"]
    switched = max(
        (
            datetime.fromisoformat(each["created_on"])
            for each in deployments
            if run.events[0]["run"] in str(each["annotations"])
        ),
        default=None,
    )
    return [
        version["version_id"]
        for each in deployments
        if datetime.fromisoformat(each["created_on"]) > datetime.fromisoformat(move["seen"])
        and (switched is not None and datetime.fromisoformat(each["created_on"]) < switched)
        for version in each["versions"]
        if version["percentage"] > 0 and version["version_id"] not in ours | told
    ]


def test_no_deploy_of_wrangler_disappears_unseen(environment: Environment) -> None:
    with deploying(environment) as done:
        runs = [
            environment.play("rollback.yml", "-e", "validate_seconds=1", "-e", "rehearse_seconds=1")
            for _ in range(3)
        ]
    assert done
    for run in runs:
        # At the target; mixed, as auth was left to whoever deployed it; or not proved, as somebody deployed after it.
        assert run.code in (0, 10, 11, 13), run.output
        if any(event["event"] == "switch.end" for event in run.events):
            assert unseen(environment, run) == [], run.output
