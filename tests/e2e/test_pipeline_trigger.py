"""A pipeline whose deploy failed: what it changed goes back by itself, and a deploy that changed nothing is left alone.

The scripts are those of the GitHub action, the workflow and the GitLab template, run as their runners do; the deploys
are real ones, with the real wrangler.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloudflare.launch import start
from plugins.module_utils.journal import FILE, read
from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.ledger.lock import SLOT, Holder
from tests.support.environment import ROOT, Environment
from tests.support.seed import Seed

LOCAL = {"KNOWN_GOOD": str(ROOT), "ENVIRONMENT": "local"}
TYPED = """it's "broken"; touch CANARY; $(touch CANARY) {{ lookup('pipe', 'touch CANARY') }}"""


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """r2 is live, and is good."""
    with start(seed.copy(tmp_path_factory.mktemp("pipeline") / "state")) as instance:
        environment = Environment(instance)
        environment.serve("r2")
        yield environment


def loaded(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def step(steps: list[dict[str, Any]], id_: str) -> str:
    return str(next(found["run"] for found in steps if found.get("id") == id_))


class Job:
    """A folder in which the scripts of a pipeline run."""

    def __init__(self, environment: Environment, folder: Path, **environ: str) -> None:
        self.folder = folder
        self._environ = {
            **environment.environ(),
            **LOCAL,
            **environ,
            "GITHUB_OUTPUT": str(folder / "outputs"),
        }

    def run(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={**self._environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @property
    def outputs(self) -> dict[str, str]:
        lines = (self.folder / "outputs").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


def lost_with_the_lock(environment: Environment) -> None:
    """The lock of a deploy on another machine that renews it no more, with the last seconds of its lease."""
    told = {"backend": "directory", "path": str(environment.instance.state / "ledger" / "local")}
    ledger = Ledger(open_backend(told, client=pytest.fail), by="ci")
    found, until = ledger.slot(SLOT), datetime.now(UTC) + timedelta(seconds=12)
    generation = (found or {}).get("generation", 0) + 1
    holder = Holder("deploy", "ci", "lost", "runner-3", 4711, "", generation, until)
    assert ledger.swap(SLOT, found, {**asdict(holder), "until": until.isoformat()})


def test_on_gitlab_a_deploy_that_changed_nothing_is_left_alone(
    environment: Environment, tmp_path: Path
) -> None:
    template, job = loaded("ci/gitlab.yml"), Job(environment, tmp_path)
    good, mark = environment.live(), environment.api.mark()
    deployed = job.run(template["known-good-deploy"]["script"][0], DEPLOY="echo npm ci: ERESOLVE; exit 1")
    assert (deployed.returncode, (tmp_path / "deploy.code").read_text()) == (1, "1\n"), deployed.stderr
    left = job.run(template["known-good-rollback"]["script"][0])
    assert left.returncode == 0, left.stderr
    assert left.stderr.splitlines()[-1].startswith("DONE: nothing to undo: the deploy failed (1)"), (
        left.stderr
    )
    assert environment.live() == good and environment.writes(mark) == []
    # Nobody was told, and no incident was opened.
    journals = [list(read(path)) for path in environment.runs.glob(f"*/{FILE}")]
    assert not any(event["event"] == "incident.opened" for events in journals for event in events)


def test_on_github_a_deploy_that_broke_off_goes_back(environment: Environment, tmp_path: Path) -> None:
    action, jobs = loaded("action/action.yml"), loaded(".github/workflows/deploy.yml")["jobs"]
    job, good = Job(environment, tmp_path), environment.live()
    # It deploys one Worker of the set, and breaks off.
    half = [sys.executable, str(ROOT / "examples/must-be-viral/deploy.py"), "r4", "--environment", "local"]
    half += ["--local", str(environment.instance.state), "--bad", "throws", "--only", "analytics"]
    deployed = job.run(step(jobs["deploy"]["steps"], "deploy"), DEPLOY=f"{shlex.join(half)}; exit 3")
    assert (deployed.returncode, job.outputs["exit-code"]) == (3, "3"), deployed.stderr
    changed = [name for name, version in environment.live().items() if version != good[name]]
    assert changed == ["must-be-viral-analytics-local"]

    given = {name.upper(): told.get("default", "") for name, told in action["inputs"].items()}
    given |= {**LOCAL, "DEPLOY": job.outputs["exit-code"], "BEFORE": "before.json", "REASON": TYPED}
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "shop/app",
    }
    # The runner of the deploy is lost, with the lock in its hands.
    lost_with_the_lock(environment)
    undone = job.run(step(action["runs"]["steps"], "after-deploy"), **given, **github)
    assert undone.returncode == 0, undone.stderr
    assert "waiting: a deploy of ci (lost) holds the lock" in undone.stderr
    assert "changed  analytics-worker\n" in undone.stderr
    assert environment.live() == good
    told = job.outputs
    assert (told["exit-code"], told["verdict"], told["trigger"]) == ("0", "DONE", "deploy")
    assert Path(told["report"]).is_file()
    events = list(read(environment.runs / told["run"] / FILE))
    (opened,) = (event for event in events if event["event"] == "incident.opened")
    assert (opened["incident"], opened["source"]) == ("github-4711", "GitHub Actions")
    assert opened["evidence"] == "https://github.example/shop/app/actions/runs/4711"
    # What somebody typed is text, to the shell and to Ansible.
    assert opened["reason"] == f"{TYPED}: the deploy failed (3)"
    assert not list(tmp_path.rglob("CANARY")) and not (ROOT / "CANARY").exists()
    plan = next(event for event in events if event["event"] == "plan")
    assert [move["component"] for move in plan["moves"] if move["method"] != "none"] == ["analytics-worker"]


def test_a_component_that_the_deploy_left_alone_is_not_moved(environment: Environment) -> None:
    """What served before the deploy is not what is known to be good: a person decides."""
    before = {"auth-worker": [environment.versions("r3")["must-be-viral-auth-local"]]}
    environment.serve("r3")
    refused = environment.play("rollback.yml", "-e", json.dumps({"served_before": before}))
    assert refused.code == 10, refused.output
    assert "would also move auth-worker, which the deploy did not change" in refused.last_line
    assert "-e release=r2" in refused.output.splitlines()[-2]
