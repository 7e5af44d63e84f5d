"""Before a drill: what the credential can see is asked of a real API, and no call reaches what is marked production."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local_cloudflare.launch import Instance, start
from plugins.module_utils.drill.gate import problems
from plugins.module_utils.stage.drill_check import DRILLED
from tests.support.api import Api

# Production is on another address of this machine, where whoever calls is counted.
PRODUCTION = "127.0.0.9"
CODE = "export default { fetch: () => new Response('ok') }"


class Counted:
    """Listens as production, and takes note of every call."""

    def __init__(self) -> None:
        self.calls = 0
        self._socket = socket.create_server((PRODUCTION, 0))
        self.port = int(self._socket.getsockname()[1])
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("gate") / "state") as running:
        yield running


@pytest.fixture(scope="module")
def production() -> Iterator[Counted]:
    counted = Counted()
    yield counted
    counted.close()


@pytest.fixture(scope="module")
def good(instance: Instance, production: Counted, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the role hands to the stage for an environment that may be drilled."""
    folder = tmp_path_factory.mktemp("inventories")
    _inventory(folder / "production", production)
    (folder / "staging" / "group_vars").mkdir(parents=True)
    api = instance.api_url
    return {
        "environment_name": "staging",
        "environment_class": "staging",
        "inventories": str(folder),
        "inventory_dir": str(folder / "staging"),
        "left_out": [],
        "cloudflare": {"api_url": api, "api_token": instance.api_token, "account_id": instance.account_id},
        "components": [
            {
                "name": "app",
                "kind": "worker",
                "target": "app-staging",
                "health": {"url": f"https://{instance.edge}/health"},
            }
        ],
        "databases": [],
        "third_parties": [],
        "probing": {"connect_to": instance.edge},
        "drills": {
            "allowed": True,
            "deploy": ["deploy", "{release}"],
            "identities": {
                "accounts": [instance.account_id],
                "zones": list(instance.zones.values()),
                "databases": [],
                "addresses": [api, instance.edge],
            },
        },
    }


def _inventory(place: Path, production: Counted) -> None:
    (place / "group_vars").mkdir(parents=True)
    told = {
        "environment_name": "production",
        "environment_class": "production",
        "cloudflare_account_id": "f" * 32,
        "cloudflare_api_url": f"http://{PRODUCTION}:{production.port}/client/v4",
    }
    (place / "group_vars" / "all.yml").write_text(yaml.safe_dump(told))
    health = {"url": f"https://{PRODUCTION}:{production.port}/health"}
    database = {"postgres_identity": {"name": "app", "system_identifier": "7301", "host": PRODUCTION}}
    hosts = {
        "workers": {"hosts": {"app": {"worker_name": "app-prod", "health": health}}},
        "postgres": {"hosts": {"db": database}},
    }
    (place / "hosts.yml").write_text(yaml.safe_dump({"all": {"children": hosts}}))


def test_a_declared_environment_may_be_drilled(good: dict[str, Any]) -> None:
    assert problems(good) == []


def test_a_credential_that_sees_what_is_productions_is_refused(
    instance: Instance, good: dict[str, Any]
) -> None:
    api = Api(instance)
    api.upload("app-prod", CODE, first=True)
    try:
        assert any("can see app-prod, which belongs to production" in problem for problem in problems(good))
    finally:
        api("DELETE", "A/workers/scripts/app-prod")


def test_a_zone_that_is_not_listed_is_seen(good: dict[str, Any]) -> None:
    told = copy.deepcopy(good)
    told["drills"]["identities"]["zones"] = []
    assert any("can see the zone mustbeviral.com" in problem for problem in problems(told))


def test_what_cannot_be_seen_counts_as_production(good: dict[str, Any]) -> None:
    told = copy.deepcopy(good)
    told["cloudflare"]["api_token"] = "nobody's"
    (said,) = problems(told)
    assert said.startswith("what the credential can see is not known, so it may be production")


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "service=app",
        "dbname=app",
        f"host=127.0.0.1,{PRODUCTION} port=5432",
        f"host=127.0.0.1 hostaddr={PRODUCTION}",
    ],
)
def test_a_connection_string_that_may_lead_elsewhere_is_refused(good: dict[str, Any], dsn: str) -> None:
    told = copy.deepcopy(good)
    told["databases"] = [
        {"name": "db", "kind": "postgres", "dsn": dsn, "identity": {"system_identifier": "1"}}
    ]
    told["drills"]["identities"] |= {
        "databases": ["1"],
        "addresses": [*told["drills"]["identities"]["addresses"], "127.0.0.1:5432"],
    }
    assert any("is not in drills.identities.addresses" in problem for problem in problems(told))


# A value of an inventory, and one of production's to put there, in any writing.
PLACES = ["cloudflare.api_url", "cloudflare.account_id", "probing.connect_to", "environment_name", "environment_class",
          "components", "databases", "third_parties", "drills.faults", "drills.sentinel", "drills.allowed",
          "drills.identities.addresses", "drills.identities.accounts", "drills.identities.databases"]  # fmt: skip


def values(production: Counted) -> list[Any]:
    at = f"{PRODUCTION}:{production.port}"
    dsn = f"postgres://u:p@{at}/app"
    return [
        f"http://{at}/client/v4", at, "f" * 32, "production", "staging", "local", "", None, True, PRODUCTION,
        [at, f"http://{at}", "127.0.0.1"], ["f" * 32], ["7301"], [f"https://u@{at}/"],
        {"url": f"https://{at}/items"}, f"http://{at}",
        [{"name": "app", "kind": "worker", "target": "app-prod", "health": {"url": f"https://{at}/health"}}],
        [{"name": "pay", "health": {"url": f"https://{at}/health"}}],
        [{"name": "db", "kind": "postgres", "dsn": dsn, "identity": {"system_identifier": "7301"}}],
        [{"name": "db", "kind": "postgres", "dsn": dsn, "identity": {"system_identifier": "1"}}],
        [{"name": "db", "kind": "postgres", "dsn": f"host={PRODUCTION} port={production.port}", "identity": {}}],
        [{"name": "db", "kind": "d1", "database": "app-prod", "identity": {}}],
    ]  # fmt: skip


def mutated(good: dict[str, Any], changes: list[tuple[str, Any]]) -> dict[str, Any]:
    told = copy.deepcopy(good)
    for path, value in changes:
        *parents, name = path.split(".")
        place = told
        for parent in parents:
            place = place[parent]
        before = place.get(name)
        # A list is also added to, as somebody would who copies a line.
        place[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return told


SHAPED: dict[str, set[str]] = {
    "components": {"name", "kind", "target", "health"},
    "databases": {"name", "kind", "identity"},
    "third_parties": {"name", "health"},
    "drills": set(),
    "cloudflare": set(),
    "probing": set(),
}


def _is_shaped(value: Any, keys: set[str]) -> bool:
    if not keys:
        return isinstance(value, dict)
    return isinstance(value, list) and all(isinstance(item, dict) and keys <= set(item) for item in value)


def no_call_reaches_production(good: dict[str, Any], production: Counted, data: st.DataObject) -> None:
    change = st.tuples(st.sampled_from(PLACES), st.sampled_from(values(production)))
    told = mutated(good, data.draw(st.lists(change, min_size=1, max_size=5)))
    known = {name: value for name, value in told.items() if name in DRILLED and name != "components"}
    checked = ArgumentSpecValidator({name: DRILLED[name] for name in known if name not in SHAPED}).validate(
        {name: value for name, value in known.items() if name not in SHAPED}
    )
    # What is of another type than a stage takes does not come to it.
    if checked.error_messages or not all(_is_shaped(told[name], keys) for name, keys in SHAPED.items()):
        return
    found = problems(told)
    assert production.calls == 0, told
    if not found:
        assert told["environment_name"] != "production"
        used = {name: told[name] for name in ("cloudflare", "probing", "databases")}
        used["targets"] = [item["target"] for item in told["components"]]
        if not told["probing"]["connect_to"]:
            # Otherwise every visit goes there, whatever the name in it.
            used["health"] = [item["health"] for item in (*told["components"], *told["third_parties"])]
        text = repr(used)
        assert PRODUCTION not in text and "app-prod" not in text and "7301" not in text, told


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_mutated_inventory_calls_production(
    good: dict[str, Any], production: Counted, data: st.DataObject
) -> None:
    no_call_reaches_production(good, production, data)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_none_of_ten_thousand_calls_production(
    good: dict[str, Any], production: Counted, data: st.DataObject
) -> None:
    no_call_reaches_production(good, production, data)
