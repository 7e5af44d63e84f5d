"""A rollback that nobody typed: attempts, cool-down, cap, a person who is asked, a run that was joined."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from plugins.module_utils.ledger.view import Goal
from plugins.module_utils.release.model import Component, Deployment, State
from plugins.module_utils.stage.decide import work
from plugins.module_utils.stage.task import Task

NOW = datetime.now(UTC)


def goal(run: str, ago: float, **body: Any) -> Goal:
    told = {"automatic": True, "moves": [{"component": "shop", "to_id": "good"}], **body}
    return Goal(run, NOW - timedelta(seconds=ago), "a test", told, {"exit_code": 0, "at_target": True})


def decided(tmp_path: Path, *goals: Goal, live: str = "bad", **params: Any) -> str:
    """Why there is no rollback; empty when it goes ahead."""

    class Known(Task):
        known = SimpleNamespace(goals={item.run: item for item in goals}, releases=[], maintenance=None)  # type: ignore[assignment]

        def states(self) -> dict[str, State]:
            deployment = Deployment("d", NOW, ((live, 100.0),))
            return {"shop": State(Component("shop", "worker", "shop"), (deployment,), (), True)}

    given: dict[str, Any] = {
        "run": "",
        "runs_dir": str(tmp_path),
        "environment_name": "test",
        "trigger": "health",
        "incident": "",
        "attempts": 1,
        "cooldown": 1800,
        "cap": {"count": 3, "seconds": 86400},
        "ask": "",
        "joined": "",
        "third_parties": [],
        "databases": [],
        "components": [],
        "probing": {"connect_to": "", "ca_file": "", "timeout": 1},
        **params,
    }
    return str(work(Known(given, False, False))["declined"] or "")


def test_without_a_reason_it_goes_ahead(tmp_path: Path) -> None:
    assert decided(tmp_path) == ""
    assert decided(tmp_path, goal("a", 7200), goal("b", 3600)) == ""
    assert decided(tmp_path, goal("typed", 10, automatic=False)) == ""


@pytest.mark.parametrize(
    ("agos", "said"),
    [([100], "must pass between two"), ([9000, 8000, 7000], "there were 3 automatic rollbacks in 86400 s")],
    ids=["cool-down", "cap"],
)
def test_not_again_so_soon_and_not_so_often(tmp_path: Path, agos: list[float], said: str) -> None:
    assert said in decided(tmp_path, *(goal(str(ago), ago) for ago in agos))


def test_what_is_left_to_a_person(tmp_path: Path) -> None:
    assert decided(tmp_path, ask="latency is left to a person") == "latency is left to a person"


def test_a_run_that_waited_for_another_only_proves_what_that_one_did(tmp_path: Path) -> None:
    before = goal("other", 20)
    assert decided(tmp_path, before, joined="other", live="good", ask="somebody is asked") == ""
    # It did not arrive, or something else serves by now: then the reasons count as ever.
    assert "must pass" in decided(tmp_path, before, joined="other", live="bad")
    unfinished = Goal("other", NOW, "a test", before.body)
    assert "must pass" in decided(tmp_path, unfinished, joined="other", live="good")
