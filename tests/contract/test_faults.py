"""Injected faults: what a client sees, whether the call took effect, and when the fault ends."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from local_cloudflare.launch import Instance, start
from tests.support.api import Api

DEPLOY = {"method": "POST", "path": "/deployments$"}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("faults") / "state") as running:
        yield running


@pytest.fixture
def api(instance: Instance) -> Iterator[Api]:
    yield Api(instance)
    requests.delete(instance.admin_url + "/faults", timeout=5)


@pytest.fixture
def deploy(api: Api, name: str) -> Callable[[], requests.Response]:
    """A write: deploys one version again."""
    (version,) = api.release(name, "r1")
    body = {"strategy": "percentage", "versions": [{"version_id": version, "percentage": 100}]}
    return lambda: api.raw("POST", f"A/workers/scripts/{name}/deployments", json=body)


@pytest.fixture
def effects(api: Api, name: str, deploy: Any) -> Callable[[], int]:
    """How many of the test's own writes took effect."""
    return lambda: len(api("GET", f"A/workers/scripts/{name}/deployments")["deployments"]) - 1


def admin(instance: Instance, method: str, path: str, body: Any = None) -> requests.Response:
    return requests.request(method, instance.admin_url + path, json=body, timeout=5)


def inject(instance: Instance, kind: str, **fields: Any) -> int:
    answer = admin(instance, "POST", "/faults", {"kind": kind, "match": DEPLOY, **fields})
    assert answer.status_code == 201, answer.text
    fault_id: int = answer.json()["id"]
    return fault_id


def took(call: Callable[[], Any]) -> float:
    started = time.monotonic()
    call()
    return time.monotonic() - started


@pytest.mark.parametrize("phase", ["before", "after"])
def test_latency(instance: Instance, deploy: Any, effects: Any, phase: str) -> None:
    inject(instance, "latency", phase=phase, latency_ms=150)
    assert 0.15 <= took(deploy) < 1
    assert effects() == 1
    assert took(effects) < 0.15, "other calls are not slowed down"


def test_latencies_add_up_and_go_with_another_fault(instance: Instance, deploy: Any) -> None:
    for _ in range(2):
        inject(instance, "latency", latency_ms=100)
    inject(instance, "error", status=503)
    started = time.monotonic()
    assert deploy().status_code == 503
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize(("phase", "effect"), [("before", 0), ("after", 1)])
def test_error(instance: Instance, deploy: Any, effects: Any, phase: str, effect: int) -> None:
    inject(instance, "error", phase=phase, status=502, code=10013, count=1)
    answer = deploy()
    assert answer.status_code == 502 and answer.headers["cf-ray"]
    assert answer.json()["errors"][0]["code"] == 10013 and answer.json()["success"] is False
    assert effects() == effect
    assert deploy().ok, "count is used up"


@pytest.mark.parametrize("body", ["html", "challenge"])
def test_error_that_is_no_json(instance: Instance, deploy: Any, body: str) -> None:
    inject(instance, "error", status=502, body=body)
    answer = deploy()
    assert answer.headers["content-type"].startswith("text/html") and "<html>" in answer.text
    assert (answer.headers.get("cf-mitigated") == "challenge") == (body == "challenge")


@pytest.mark.parametrize(("phase", "effect"), [("before", 0), ("after", 1)])
def test_reset(instance: Instance, deploy: Any, effects: Any, phase: str, effect: int) -> None:
    inject(instance, "reset", phase=phase)
    with pytest.raises(requests.ConnectionError, match="reset"):
        deploy()
    assert effects() == effect
    call = admin(instance, "GET", "/requests?method=POST").json()["requests"][-1]
    assert (call["status"], call["applied"]) == (None, phase == "after")
    assert call["fault"].startswith(f"reset:{phase}:")


@pytest.mark.parametrize(("phase", "effect"), [("before", 0), ("after", 1)])
def test_timeout(instance: Instance, api: Api, name: str, phase: str, effect: int) -> None:
    (version,) = api.release(name, "r1")
    inject(instance, "timeout", phase=phase)
    body = {"strategy": "percentage", "versions": [{"version_id": version, "percentage": 100}]}
    url = f"{instance.api_url}/accounts/{instance.account_id}/workers/scripts/{name}/deployments"
    headers = {"authorization": f"Bearer {instance.api_token}"}
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=body, headers=headers, timeout=0.2)
    time.sleep(0.1)
    admin(instance, "DELETE", "/faults")
    time.sleep(0.1)
    assert len(api("GET", f"A/workers/scripts/{name}/deployments")["deployments"]) == 1 + effect


def test_a_held_answer_comes_when_the_lease_ends(instance: Instance, deploy: Any, effects: Any) -> None:
    inject(instance, "timeout", lease_seconds=0.3)
    assert 0.25 < took(deploy) < 1
    assert effects() == 1


def test_rate_limit(instance: Instance, deploy: Any, effects: Any) -> None:
    inject(instance, "rate_limit", lease_seconds=7)
    answer = deploy()
    assert answer.status_code == 429 and answer.headers["retry-after"] == "7"
    assert answer.json()["errors"][0]["code"] == 971
    assert effects() == 0


def test_partition(instance: Instance, api: Api) -> None:
    assert admin(instance, "POST", "/faults", {"kind": "partition", "lease_seconds": 0.4}).ok
    for path in ("/user", "/accounts"):
        with pytest.raises(requests.ConnectionError):
            api.raw("GET", path)
    time.sleep(0.45)
    assert api("GET", "/user"), "the lease has ended by itself"


def test_skip_and_count(instance: Instance, deploy: Any) -> None:
    fault_id = inject(instance, "error", skip=2, count=2)
    assert [deploy().status_code for _ in range(6)] == [200, 200, 500, 500, 200, 200]
    (fault,) = [f for f in admin(instance, "GET", "/faults").json()["faults"] if f["id"] == fault_id]
    assert fault["applied"] == 2


def test_probability_is_seeded(instance: Instance, deploy: Any) -> None:
    runs = []
    for seed in (7, 7, 8):
        fault_id = inject(instance, "error", probability=0.5, seed=seed)
        runs.append([deploy().status_code for _ in range(20)])
        assert admin(instance, "DELETE", f"/faults/{fault_id}").ok
    assert runs[0] == runs[1] != runs[2]
    assert 0 < runs[0].count(500) < 20


def test_lease_and_removal(instance: Instance, api: Api) -> None:
    inject(instance, "error", lease_seconds=0.1)
    second = inject(instance, "error")
    time.sleep(0.15)
    (left,) = admin(instance, "GET", "/faults").json()["faults"]
    assert left["id"] == second and 59 < left["remaining_seconds"] <= 60
    assert admin(instance, "DELETE", "/faults").json() == {"removed": 1}
    assert admin(instance, "DELETE", f"/faults/{second}").status_code == 404


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"kind": "flood"},
        {"kind": "latency"},
        {"kind": "latency", "latency_ms": "1"},
        {"kind": "error", "status": 99},
        {"kind": "error", "phase": "during"},
        {"kind": "partition", "phase": "after"},
        {"kind": "error", "colour": "red"},
        {"kind": "error", "match": {"path": "("}},
        {"kind": "error", "match": {"host": "x"}},
        {"kind": "error", "probability": 2},
        {"kind": "error", "count": 0},
    ],
)
def test_a_wrong_fault_is_refused(instance: Instance, api: Api, fault: dict[str, Any]) -> None:
    answer = admin(instance, "POST", "/faults", fault)
    assert answer.status_code == 400 and answer.json()["errors"][0]["message"]
    assert admin(instance, "GET", "/faults").json() == {"faults": []}


def test_a_deleted_fault_releases_what_it_holds(instance: Instance, deploy: Any) -> None:
    inject(instance, "timeout")
    threading.Timer(0.2, lambda: admin(instance, "DELETE", "/faults")).start()
    assert deploy().ok


# --- the request log


def test_log_and_counters(instance: Instance, api: Api) -> None:
    admin(instance, "DELETE", "/requests")
    answer = api.raw("GET", "/zones?name=x", headers={"user-agent": "probe/1"})
    api.raw("POST", "/user")
    log = admin(instance, "GET", "/requests")
    first, second = log.json()["requests"]
    assert {key: first[key] for key in ("method", "path", "query", "user_agent", "status", "fault")} == {
        "method": "GET",
        "path": "/client/v4/zones",
        "query": "name=x",
        "user_agent": "probe/1",
        "status": 200,
        "fault": None,
    }
    assert first["ray"] == answer.headers["cf-ray"] and first["duration_ms"] > 0
    assert re.fullmatch(r"\d{4}-.*Z", first["time"])
    assert instance.api_token not in log.text
    since = admin(instance, "GET", f"/requests?since={first['seq']}&method=POST&path=user").json()["requests"]
    assert since == [second]
    counters = admin(instance, "GET", "/counters").json()
    assert (counters["requests"], counters["writes"], counters["faults"]) == (2, 1, 0)
    assert counters["by_status"] == {"200": 1, "405": 1}
    assert admin(instance, "GET", "/requests?path=(").status_code == 400
    assert admin(instance, "GET", "/health").json() == {"status": "ok"}
