"""Faults between the edge and its visitors: what is seen, whom they spare, and that they end by themselves."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local_cloudflare.launch import Instance, start
from plugins.module_utils.drill.ask import NoAnswer, Vantage
from tests.support.api import Api

HOST = "app.mustbeviral.com"
URL = f"https://{HOST}/"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("edge-faults") / "state") as running:
        yield running


@pytest.fixture(autouse=True)
def no_faults(instance: Instance) -> Iterator[None]:
    yield
    requests.delete(f"{instance.admin_url}/edge/faults", timeout=5)


def inject(instance: Instance, kind: str, **fields: Any) -> dict[str, Any]:
    answer = requests.post(f"{instance.admin_url}/edge/faults", json={"kind": kind, **fields}, timeout=5)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def vantage(instance: Instance, source: str = "", timeout: float = 3) -> Vantage:
    return Vantage(connect_to=instance.edge, ca_file=instance.ca_file, source=source, timeout=timeout)


def asked(place: Vantage, url: str = URL) -> int | str:
    """The status, or why there was none. Nothing is deployed, so 530 is what the edge itself says."""
    try:
        return place.ask("GET", url).status
    except NoAnswer as error:
        return str(error)


def test_each_kind_as_a_visitor_sees_it(instance: Instance) -> None:
    here = vantage(instance, timeout=0.5)
    assert asked(here) == 530
    inject(instance, "error", status=503, count=1)
    assert asked(here) == 503
    inject(instance, "reset", count=1)
    assert asked(here) == "the connection was reset"
    inject(instance, "timeout", count=1)
    assert asked(here) == "no answer in 0.5 s"
    inject(instance, "latency", latency_ms=300, count=1)
    began = time.monotonic()
    assert asked(here) == 530
    assert time.monotonic() - began > 0.3


def test_it_hits_only_its_host_and_its_origin(instance: Instance) -> None:
    inject(instance, "reset", match={"from": "127.0.0.2", "host": "^app[.]"})
    assert asked(vantage(instance, "127.0.0.1")) == 530
    assert asked(vantage(instance, "127.0.0.2")) == "the connection was reset"
    assert asked(vantage(instance, "127.0.0.2"), "https://mustbeviral.com/") == 530


def test_it_ends_with_its_lease_whoever_is_gone(instance: Instance) -> None:
    inject(instance, "error", status=502, lease_seconds=0.4)
    assert asked(vantage(instance)) == 502
    time.sleep(0.5)
    assert asked(vantage(instance)) == 530
    assert requests.get(f"{instance.admin_url}/edge/faults", timeout=5).json() == {"faults": []}


def test_one_can_be_ended(instance: Instance) -> None:
    place = f"{instance.admin_url}/edge/faults/{inject(instance, 'reset')['id']}"
    assert requests.delete(place, timeout=5).status_code == 200
    assert asked(vantage(instance)) == 530
    assert requests.delete(place, timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"kind": "rate_limit"}, "kind must be one of latency, error, timeout, reset"),
        ({"kind": "reset", "match": {"path": "x"}}, "match is an object with from and host"),
        ({"kind": "reset", "match": {"host": "("}}, "match.host is not a regular expression"),
        ({"kind": "latency"}, "a latency needs latency_ms"),
    ],
)
def test_a_wrong_one_is_refused(instance: Instance, spec: dict[str, Any], said: str) -> None:
    answer = requests.post(f"{instance.admin_url}/edge/faults", json=spec, timeout=5)
    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["message"]


def test_those_of_the_api_are_others(instance: Instance) -> None:
    inject(instance, "error", status=503)
    assert requests.get(f"{instance.admin_url}/faults", timeout=5).json() == {"faults": []}
    assert Api(instance)("GET", "/user/tokens/verify")["status"] == "active"
