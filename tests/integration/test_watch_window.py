"""A watch of services that get worse while they are watched, over real HTTP."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.cancel import ask
from plugins.module_utils.journal import read
from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED, REFUSED
from plugins.module_utils.signal.declared import declared_signals
from plugins.module_utils.stage.task import Task
from plugins.module_utils.stage.watch import work
from tests.support import receivers
from tests.support.served import Answer, http, serving

HEALTH = {"body": "status == 'healthy'", "version": {"unknown": "no"}, "fresh": {"json": "timestamp"}}
ON = {"errors": "roll back", "latency": "ask", "comparison": "ask", "signals": "ask"}
BASELINE = {"least": 100, "margin": 0.005, "factor": 1.5, "alpha": 0.001, "seconds": 600}


def watch(tmp_path: Path, url: str, **params: Any) -> dict[str, Any]:
    """The stage; nobody answers where Cloudflare would be."""
    test = {"alpha": 0.001, "beta": 0.001, "confidence": 0.95}
    given: dict[str, Any] = {
        "run": "20261124T213000Z-000000",
        "runs_dir": str(tmp_path / "runs"),
        "environment_name": "test",
        "components": [{"name": "shop", "kind": "worker", "target": "shop", "follows": "always"}],
        "others": [],
        "ledger": None,
        "cloudflare": {
            "account_id": "a",
            "api_token": "t0ken-t0ken",
            "api_url": "http://127.0.0.1:9",
            "transport": "rest",
            "patience": 0.1,
        },
        "probing": {"connect_to": "", "ca_file": "", "timeout": 5, "seconds": 1, "max_skew": 60, "slow": 0.3},
        "signals": {},
        "identities": {"shop": {"version_id": "v1"}},
        "seconds": 3,
        "rate": 80,
        "look": 0.5,
        "errors": {"limit": 0.01, "p0": 0.005, "p1": 0.02, **test},
        "late": {"limit": 0.05, "p0": 0.025, "p1": 0.1, **test},
        "follow": False,
        "every": 60,
        "suspect": 3600,
        "on": ON,
        "baseline": BASELINE,
        "rolled_back_to": "r2",
        "so_far": {"message": "test serves r2", "details": [], "next": "status"},
    }
    given |= params
    given["components"][0]["health"] = {**HEALTH, "url": url}
    return work(Task(given, False, False))


def events(tmp_path: Path, kind: str) -> list[dict[str, Any]]:
    [journal] = (tmp_path / "runs").glob("*/journal.jsonl")
    return [event for event in read(journal) if event["event"] == kind]


def worse_after(number: int, bad: Answer) -> Any:
    return lambda asked: bad if asked > number else (0, http())


def test_a_service_that_stays_well(tmp_path: Path) -> None:
    with serving(lambda number: (0, http())) as server:
        found = watch(tmp_path, server.url)
    end = found["outcome"]
    assert (end["exit_code"], end["next"]) == (DONE, "status"), end
    assert end["message"].startswith("test serves r2; watched for 3 s, 2")
    assert len(events(tmp_path, "watch.look")) == 6
    assert {check["verdict"] for check in found["checks"]} == {"pass"}


@pytest.mark.parametrize(
    ("bad", "check"),
    [((0, http(503)), "error rate"), ((0.5, http()), "latency"), ((0, b""), "error rate")],
    ids=["fails", "slow", "drops"],
)
def test_a_service_that_gets_worse_after_a_rollback(tmp_path: Path, bad: Answer, check: str) -> None:
    began = time.monotonic()
    with serving(worse_after(100, bad)) as server:
        found = watch(tmp_path, server.url, seconds=60)
    assert time.monotonic() - began < 15
    end = found["outcome"]
    assert end["exit_code"] == INVALID
    assert f"shop (watch: {check})" in end["message"]
    assert end["message"].startswith("the set is at r2, but test")
    assert end["next"] == "ansible-playbook rollback.yml -i test -e release=<an older one>"


def test_too_little_traffic_proves_nothing(tmp_path: Path) -> None:
    with serving(lambda number: (0, http())) as server:
        end = watch(tmp_path, server.url, seconds=1, rate=20)["outcome"]
    assert end["exit_code"] == NOT_PROVED
    assert "neither proved nor disproved that it stays well" in end["message"]


def test_a_watch_that_somebody_ends_says_that_the_set_stays(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "20261124T213000Z-000000"
    with serving(lambda number: (0, http())) as server:
        timer = threading.Timer(0.8, lambda: ask(folder, "Ctrl-C"))
        timer.start()
        began = time.monotonic()
        end = watch(tmp_path, server.url, seconds=60)["outcome"]
    assert time.monotonic() - began < 5
    assert end["exit_code"] == NOT_PROVED
    assert end["message"].startswith(
        "the set stays at r2, which was proved; the watch ended early: somebody ended it"
    )


def test_a_watch_that_follows_says_what_is_to_be_done(tmp_path: Path) -> None:
    with serving(worse_after(50, (0, http(500)))) as server:
        found = watch(tmp_path, server.url, seconds=0, follow=True, rolled_back_to="")
    regression = found["regression"]
    assert "outcome" not in found
    assert (regression["decision"], regression["trigger"], regression["ask"]) == ("roll back", "health", "")
    assert "status 500 instead of 200" in regression["why"]
    [told] = events(tmp_path, "watch.regression")
    assert told["why"] == regression["why"]


def test_what_the_inventory_leaves_to_a_person_is_asked(tmp_path: Path) -> None:
    with serving(worse_after(50, (0.5, http()))) as server:
        found = watch(tmp_path, server.url, seconds=60, follow=True, rolled_back_to="")
    assert found["regression"]["decision"] == "ask"
    assert found["regression"]["ask"].startswith("watch_on leaves latency to a person")


def test_a_signal_that_is_beyond_its_threshold_ends_the_watch(tmp_path: Path) -> None:
    content = {"status": "success", "data": {"resultType": "scalar", "result": [1, "0.2"]}}
    with receivers.http(lambda number, request: (200, content, {})) as prometheus:
        declared = {"prometheus": [{"name": "5xx", "url": prometheus.url, "query": "x", "max": 0.01}]}
        signals = declared_signals({"signals": declared})
        with serving(lambda number: (0, http())) as server:
            found = watch(
                tmp_path, server.url, follow=True, rolled_back_to="", seconds=60, every=0.5, signals=signals
            )
    assert found["regression"]["trigger"] == "errors"
    assert "prometheus 5xx: 0.2; at most 0.01 is allowed" in found["regression"]["why"]


@pytest.mark.parametrize("wrong", [{"rate": 0}, {"look": -1}, {"seconds": -5}])
def test_a_setting_that_makes_no_sense(tmp_path: Path, wrong: dict[str, float]) -> None:
    end = watch(tmp_path, "http://127.0.0.1:9/health", rolled_back_to="", **wrong)["outcome"]
    assert end["exit_code"] == REFUSED
    # After a rollback the set has moved, whatever the settings of the watch are.
    end = watch(tmp_path, "http://127.0.0.1:9/health", **wrong)["outcome"]
    assert end["exit_code"] == NOT_PROVED
