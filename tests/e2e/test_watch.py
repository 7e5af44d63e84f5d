"""watch.yml: a bad deploy is rolled back, a good one is not, and where going back would not help a person is asked."""

from __future__ import annotations

import json

import pytest

from tests.support.environment import Environment

# On a machine that is busy with other tests, slow answers are no finding.
UNHURRIED = json.dumps({"for": 60, "validate_slow": 9})


def test_what_a_watch_does_about_a_deploy(environment: Environment) -> None:
    # r3 was deployed, and throws.
    run = environment.play("watch.yml", "-e", UNHURRIED)
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r2")
    assert "error rate: " in next(line for line in run.output.splitlines() if " worse: " in line)
    assert run.last_line.startswith("DONE: local serves r2")
    opened = next(event for event in run.events if event["event"] == "incident.opened")
    assert (opened["trigger"], opened["source"]) == ("health", "watch.yml")
    assert "status 500 instead of 200" in opened["reason"]
    assert run.journal is not None
    assert "status 500 instead of 200" in (run.journal.parent / "report" / "incident.md").read_text()

    # r2 is deployed, and works.
    calm = json.dumps({"for": 12, "watch_rate": 30, "watch_look": 4, "validate_slow": 9})
    good = environment.play("watch.yml", "-e", calm, "--limit", "auth-worker:site")
    assert good.code == 0, good.output
    assert "it stays well" in good.last_line
    assert " of 12 s: " in good.output

    # A second bad deploy within the cool-down.
    environment.serve("r3")
    mark = environment.api.mark()
    asked = environment.play("watch.yml", "-e", UNHURRIED)
    assert asked.code == 15, asked.output
    assert "must pass between two" in asked.last_line
    assert "next     a person may decide otherwise: ansible-playbook rollback.yml -i local" in asked.output
    assert environment.writes(mark) == []


@pytest.mark.soak
def test_what_is_down_elsewhere_is_not_ours_to_roll_back(environment: Environment) -> None:
    party = {
        "name": "payments",
        "health": {
            "url": "http://127.0.0.1:9/health",
            "version": {"unknown": "not ours"},
            "fresh": {"unknown": "not ours"},
        },
    }
    told = json.dumps({"third_parties": [party], "decide_seconds": 1, "for": 60, "validate_slow": 9})
    mark = environment.api.mark()
    down = environment.play("watch.yml", "-e", told)
    assert down.code == 15, down.output
    assert "payments is not well, which is not ours to roll back" in down.last_line
    assert environment.writes(mark) == []
