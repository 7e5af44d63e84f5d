"""A watch while somebody deploys, on a Worker of the local Cloudflare."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

from local_cloudflare.launch import Instance
from plugins.module_utils.journal import read
from plugins.module_utils.outcome import NOT_PROVED
from plugins.module_utils.stage.task import Task
from plugins.module_utils.stage.watch import work
from tests.support.api import Api
from tests.support.workers import new_name, publish, upload, url

ANSWERS = """
let number = 0;
export default { fetch() {
  const status = ++number %% %d ? "healthy" : "broken";
  return Response.json({ status, timestamp: Date.now() });
} };
"""
GOOD, WORSE = ANSWERS % 1_000_000, ANSWERS % 5


def watch(instance: Instance, tmp_path: Path, script: str, address: str, version: str, **params: Any) -> Any:
    """The stage, in an environment of one Worker."""
    health = {
        "url": address,
        "body": "status == 'healthy'",
        "version": {"unknown": "it does not say"},
        "fresh": {"json": "timestamp"},
    }
    test = {"alpha": 0.001, "beta": 0.001, "confidence": 0.95}
    given: dict[str, Any] = {
        "run": "",
        "runs_dir": str(tmp_path / "runs"),
        "environment_name": "local",
        "components": [
            {"name": "shop", "kind": "worker", "target": script, "follows": "always", "health": health}
        ],
        "others": [],
        "ledger": None,
        "keys": ["tag", "commit", "message", "window"],
        "window": 900,
        "cloudflare": {
            "account_id": instance.account_id,
            "api_token": instance.api_token,
            "api_url": instance.api_url,
            "transport": "rest",
            "patience": 10,
        },
        "probing": {
            "connect_to": instance.edge,
            "ca_file": instance.ca_file,
            "timeout": 9,
            "seconds": 5,
            "max_skew": 60,
            "slow": 8,
        },
        "signals": {},
        "identities": {"shop": {"version_id": version}},
        "seconds": 60,
        "rate": 25,
        "look": 0.5,
        # So insensitive that only the comparison notices.
        "errors": {"limit": 0.6, "p0": 0.5, "p1": 0.9, **test},
        "late": {"limit": 0.6, "p0": 0.5, "p1": 0.9, **test},
        "follow": True,
        "every": 0.5,
        "suspect": 3600,
        "on": {"errors": "roll back", "latency": "ask", "comparison": "roll back", "signals": "ask"},
        "baseline": {"least": 60, "margin": 0.005, "factor": 50.0, "alpha": 0.001, "seconds": 600},
        "rolled_back_to": "",
        "so_far": {},
    }
    return work(Task({**given, **params}, False, False))


def events(tmp_path: Path, kind: str) -> list[dict[str, Any]]:
    [journal] = (tmp_path / "runs").glob("*/journal.jsonl")
    return [event for event in read(journal) if event["event"] == kind]


def _asked(tmp_path: Path) -> int:
    return max((event["n"] for event in events(tmp_path, "watch.look")), default=0)


def test_a_release_that_is_worse_than_the_one_before(
    shared: Instance, shared_api: Api, tmp_path: Path
) -> None:
    script = new_name("watched")
    good = publish(shared_api, script, GOOD)
    worse = upload(shared_api, script, WORSE)

    def deploy() -> None:
        """As soon as there is a baseline."""
        while not (list(tmp_path.glob("runs/*/journal.jsonl")) and _asked(tmp_path) > 80):
            time.sleep(0.1)
        shared_api.deploy(script, worse)

    deploying = threading.Thread(target=deploy, daemon=True)
    deploying.start()
    found = watch(shared, tmp_path, script, url(shared_api, script), good)
    regression = found["regression"]
    assert (regression["decision"], regression["trigger"]) == ("roll back", "performance")
    assert "shop: watch: error rate beside before:" in regression["why"]
    assert "before 0 of " in regression["why"]
    [deployed] = events(tmp_path, "watch.deployed")
    assert deployed["versions"] == {"shop": worse}


def test_a_watch_of_one_release_ends_when_another_is_deployed(
    shared: Instance, shared_api: Api, tmp_path: Path
) -> None:
    script = new_name("watched")
    good = publish(shared_api, script, GOOD)
    shared_api.deploy(script, upload(shared_api, script, "export default { fetch() { throw 1; } };"))
    test = {"alpha": 0.001, "beta": 0.001, "confidence": 0.95, "limit": 0.01, "p0": 0.005, "p1": 0.02}
    told = {"follow": False, "rolled_back_to": "r2", "errors": test}
    end = watch(shared, tmp_path, script, url(shared_api, script), good, **told)["outcome"]
    assert end["exit_code"] == NOT_PROVED
    assert end["message"] == (
        "the set stays at r2, which was proved; the watch ended early: somebody deployed shop meanwhile"
    )
