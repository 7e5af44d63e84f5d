"""A pipeline whose deploy failed: what it changed goes back by itself, and a deploy that changed nothing is left alone.

The deploys are real ones, with the real wrangler, as jobs of a CI system run them.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import start
from tests.support.environment import ROOT, Environment
from tests.support.seed import Seed

BIN = Path(sys.executable).parent
DEPLOY = (sys.executable, "examples/must-be-viral/deploy.py")


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """r2 is live, and is good."""
    with start(seed.copy(tmp_path_factory.mktemp("pipeline") / "state")) as instance:
        environment = Environment(instance)
        environment.serve("r2")
        yield environment


def knowngood(
    environment: Environment, verb: str, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "knowngood"), verb, "-i", "local", *arguments],
        cwd=ROOT,
        env={**environment.environ(), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def deploy(environment: Environment, before: Path, *command: str) -> str:
    """A job that deploys; how it ended, as the next job is told."""
    done = knowngood(environment, "lock", "--before", str(before), "--", *command)
    assert before.exists(), done.stderr
    return str(done.returncode)


def test_a_deploy_that_changed_nothing_is_left_alone_and_one_that_broke_off_goes_back(
    environment: Environment, tmp_path: Path
) -> None:
    before, outputs = tmp_path / "before.json", tmp_path / "outputs"
    good = environment.live()

    # It failed before its first upload.
    failed = deploy(environment, before, "sh", "-c", "echo npm ci: ERESOLVE; exit 1")
    assert failed == "1"
    mark = environment.api.mark()
    left = knowngood(environment, "after-deploy", "--deploy", failed, "--before", str(before))
    assert left.returncode == 0, left.stderr
    assert left.stderr.splitlines()[-1].startswith("DONE: nothing to undo: the deploy failed (1)"), (
        left.stderr
    )
    assert environment.live() == good and environment.writes(mark) == []

    # It deployed one Worker of the set, and then broke off.
    local = ("--environment", "local", "--local", str(environment.instance.state))
    half = [*DEPLOY, "r4", *local, "--bad", "throws", "--only", "content"]
    failed = deploy(environment, before, "sh", "-c", f"{shlex.join(half)} && exit 3")
    assert failed == "3"
    assert [name for name, version in environment.live().items() if version != good[name]] == [
        "must-be-viral-content-local"
    ]
    github = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_RUN_ID": "4711",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "shop/app",
        "GITHUB_OUTPUT": str(outputs),
    }
    undone = knowngood(
        environment, "after-deploy", "--deploy", failed, "--before", str(before), "--json", **github
    )
    assert undone.returncode == 0, undone.stderr
    assert "changed  content-worker\n" in undone.stderr
    assert environment.live() == good
    result = json.loads(undone.stdout)
    assert [move["component"] for move in result["plan"]["moves"] if move["method"] != "none"] == [
        "content-worker"
    ]
    told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    assert (told["exit-code"], told["verdict"], told["trigger"]) == ("0", "DONE", "deploy")
    assert Path(told["report"]).is_file()
    opened = next(
        json.loads(line)
        for line in Path(result["journal"]).read_text().splitlines()
        if '"incident.opened"' in line
    )
    assert (opened["incident"], opened["source"]) == ("github-4711", "GitHub Actions")
    assert opened["evidence"] == "https://github.example/shop/app/actions/runs/4711"
