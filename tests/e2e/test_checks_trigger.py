"""A check after a deploy failed: health, a security gate, performance. Each takes back what was deployed (S20-S22)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import start
from plugins.module_utils.journal import FILE, read
from tests.support.environment import ROOT, WORKERS, Environment
from tests.support.sample_app import deploy_script
from tests.support.seed import Seed

KNOWNGOOD = str(Path(sys.executable).with_name("knowngood"))
AUTH = WORKERS["auth-worker"]


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with start(seed.copy(tmp_path_factory.mktemp("checks") / "state")) as instance:
        yield Environment(instance)


@pytest.fixture(scope="module")
def before(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What served before the deploys: r2, which is good."""
    environment.serve("r2")
    file = tmp_path_factory.mktemp("pipeline") / "before.json"
    done = knowngood(environment, "lock", "-i", "local", "--before", str(file), "--", "true")
    assert done.returncode == 0, done.stderr
    return file


def knowngood(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KNOWNGOOD, *arguments],
        cwd=ROOT,
        env=environment.environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def validated(environment: Environment, tier: str) -> str:
    """The exit code of a check, as a pipeline hands it on."""
    done = knowngood(environment, "validate", "-i", "local", "--tier", tier, "-e", "validate_seconds=1")
    return str(done.returncode)


def after_deploy(
    environment: Environment, before: Path, *results: str
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The result, and the events of the rollback; without one, none."""
    told = ("--before", str(before), "--deploy", "success", "-e", "decide_cooldown=0", "--json")
    done = knowngood(environment, "after-deploy", "-i", "local", *told, *results)
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["exit_code"] == done.returncode, done.stderr
    return result, list(read(environment.runs / result["run"] / FILE)) if "run" in result else []


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == kind]


def test_a_release_that_fails_its_health_check(environment: Environment, before: Path) -> None:
    environment.serve("r3")
    health = validated(environment, "quick")
    result, events = after_deploy(environment, before, "--health", health, "--incident", "I-1")
    assert (health, result["exit_code"]) == ("13", 0), result
    assert environment.live() == environment.versions("r2")
    [opened] = of(events, "incident.opened")
    assert (opened["trigger"], opened["severity"]) == ("health", "CRITICAL")
    assert "the health check after the deploy failed" in opened["reason"]
    told = {
        (event["component"], event["check"]): event["verdict"] for event in of(events, "trigger.evidence")
    }
    assert (told["auth-worker", "health"], told["content-db", "reachable"]) == ("fail", "pass")


def sarif(folder: Path, **result: Any) -> str:
    """The file of a scanner that found one thing."""
    found = {"ruleId": "CVE-2026-1", "level": "error", "message": {"text": "it is old"}, **result}
    run = {"tool": {"driver": {"name": "trivy"}}, "results": [found]}
    file = folder / "results.sarif"
    file.write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    return str(file)


def test_a_release_that_fails_the_security_gate(
    environment: Environment, before: Path, tmp_path: Path
) -> None:
    environment.serve("r3")
    mark = environment.api.mark()
    accepted = sarif(tmp_path, suppressions=[{"kind": "external", "status": "accepted"}])
    result, events = after_deploy(environment, before, "--sarif", accepted)
    assert (result["exit_code"], events, environment.writes(mark)) == (0, [], []), result

    result, events = after_deploy(environment, before, "--sarif", sarif(tmp_path), "--incident", "I-2")
    assert result["exit_code"] == 0, result
    assert environment.live() == environment.versions("r2")
    [opened] = of(events, "incident.opened")
    assert opened["trigger"] == "security" and "trivy: CVE-2026-1 (error)" in opened["reason"]
    assert any("no floor is set" in event["says"] for event in of(events, "trigger.finding"))
    held = environment.runs / result["run"] / "held" / "auth-worker" / environment.versions("r3")[AUTH]
    assert list((held / "code").iterdir())


def test_a_release_that_is_slow(environment: Environment, before: Path) -> None:
    instance = environment.instance
    target = deploy_script.Target(instance.api_url, instance.api_token, instance.account_id)
    deploy_script.deploy("r4", target=target, bad="slow", only=["auth"])
    performance = validated(environment, "full")
    result, events = after_deploy(environment, before, "--performance", performance, "--incident", "I-3")
    assert (performance, result["exit_code"]) == ("13", 0), result
    assert environment.live() == environment.versions("r2")
    [opened] = of(events, "incident.opened")
    assert (opened["trigger"], opened["severity"]) == ("performance", "HIGH")
    [auth] = [
        event
        for event in of(events, "trigger.evidence")
        if event["component"] == "auth-worker" and event["check"] == "health"
    ]
    assert auth["verdict"] == "fail", auth
