"""Production is never drilled: 10,000 mutated inventories, and what each refusal says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.module_utils.drill.guard import (
    Drilled,
    Production,
    Seen,
    address_of,
    problems_before,
    problems_seen,
)
from plugins.module_utils.drill.production import production_of

PRODUCTION = Production(
    environments=frozenset({"production"}),
    accounts=frozenset({"acc-prod"}),
    targets=frozenset({"auth-prod", "site-prod", "content-prod"}),
    hosts=frozenset({"auth.example.com", "db.example.com"}),
    databases=frozenset({"7301"}),
)
GOOD: dict[str, Any] = {
    "name": "staging",
    "file": "staging/group_vars/all.yml",
    "kind": "staging",
    "allowed": True,
    "account": "acc-stage",
    "addresses": (
        ("Cloudflare's API", "https://api.example.com/client/v4"),
        ("auth-worker", "https://auth.stage.example.com/health"),
        ("app-db", "postgres://u:p@db.stage.example.com:5433/app"),
    ),
    "targets": ("auth-stage", "site-stage", "content-stage"),
    "databases": {"app-db": "9999"},
    "allow": {
        "accounts": ["acc-stage"],
        "zones": ["zone-stage"],
        "databases": ["9999"],
        "addresses": ["https://api.example.com", "auth.stage.example.com:443", "db.stage.example.com:5433"],
    },
}
SEEN = Seen(
    ("acc-stage",), (("zone-stage", "stage.example.com"),), ("auth-stage", "site-stage", "content-stage")
)


def test_a_declared_environment_may_be_drilled() -> None:
    drilled = Drilled(**GOOD)
    assert problems_before(drilled, PRODUCTION) == []
    assert problems_seen(drilled, PRODUCTION, SEEN) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "production"}, "environment_class is production, and production is never drilled"),
        ({"kind": ""}, "environment_class is not set"),
        ({"kind": "prod"}, "environment_class is not set to one of"),
        ({"allowed": False}, "drills.allowed is not true"),
        ({"allowed": "true"}, "drills.allowed is not true"),
        ({"allowed": None}, "drills.allowed is not true"),
        ({"account": "acc-prod"}, "acc-prod is not in drills.identities.accounts"),
        ({"account": ""}, "(empty)"),
        ({"name": "production"}, "environment_name is production, which is production's"),
        ({"targets": ("auth-prod",)}, "the name of a component is auth-prod"),
        ({"databases": {"app-db": "7301"}}, "the system identifier of app-db, 7301, is not in"),
        ({"addresses": (("auth-worker", "https://auth.example.com/health"),)}, "is not in drills.identities.addresses"),
        ({"addresses": (("auth-worker", ""),)}, "an address that cannot be read"),
        ({"allow": {}}, "is not in drills.identities.accounts"),
        ({"kind": "local"}, "is not on this machine"),
    ],
    ids=str,
)  # fmt: skip
def test_each_refusal_says_what_to_change(change: dict[str, Any], said: str) -> None:
    problems = problems_before(Drilled(**{**GOOD, **change}), PRODUCTION)
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("staging/group_vars/all.yml: ") for problem in problems)


def test_a_list_that_names_production_does_not_help() -> None:
    allow = {**GOOD["allow"], "accounts": ["acc-prod"], "addresses": ["auth.example.com:443"]}
    told = {"account": "acc-prod", "addresses": (("auth-worker", "https://AUTH.example.com./health"),)}
    problems = problems_before(Drilled(**{**GOOD, **told, "allow": allow}), PRODUCTION)
    assert [problem.rpartition(": ")[2] for problem in problems] == [
        "cloudflare_account_id is acc-prod, which is production's",
        "an address is auth.example.com, which is production's",
    ]


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"accounts": ("acc-stage", "acc-prod")}, "can see the account acc-prod, which is not in"),
        ({"zones": (("zone-prod", "example.com"),)}, "can see the zone example.com (zone-prod)"),
        ({"targets": ("auth-stage", "auth-prod")}, "can see auth-prod, which belongs to production"),
    ],
)
def test_a_credential_that_can_see_production_is_refused(seen: dict[str, Any], said: str) -> None:
    given_ = {"accounts": SEEN.accounts, "zones": SEEN.zones, "targets": SEEN.targets, **seen}
    problems = problems_seen(Drilled(**GOOD), PRODUCTION, Seen(**given_))
    assert any(said in problem for problem in problems), problems


VALUES = st.one_of(
    st.sampled_from(
        [
            "production", "staging", "local", "", None, True, False, "true", 1, [], {}, "acc-prod", "acc-stage",
            "auth-prod", "7301", "9999", ["acc-prod", "acc-stage"], ["7301", "9999"], "acc-prod ",
            ["zone-prod", "zone-stage"],
            ["auth.example.com:443", "auth.stage.example.com:443", "api.example.com:443", "db.example.com:5432"],
            "AUTH.EXAMPLE.COM", "auth.example.com.",
        ]
    ),
    st.text(max_size=6),
    st.lists(st.text(max_size=4), max_size=2),
)  # fmt: skip
ADDRESSES = st.lists(
    st.tuples(
        st.just("somewhere"),
        st.sampled_from(
            [
                "https://auth.example.com/health", "https://auth.example.com./health", "HTTPS://AUTH.EXAMPLE.COM/",
                "postgres://u@db.example.com/app", "db.example.com:5432", "https://auth.stage.example.com/x",
                "https://u:p@auth.example.com/", "127.0.0.1:80", "[::1]:80",
                "https://[auth/", "",
            ]
        ),
    ),
    max_size=3,
).map(tuple)  # fmt: skip
MUTATIONS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["name", "kind", "allowed", "account"]), VALUES),
        st.tuples(st.just("addresses"), ADDRESSES),
        st.tuples(
            st.just("targets"),
            st.lists(st.sampled_from(["auth-prod", "site-prod", "auth-stage"]), max_size=3).map(tuple),
        ),
        st.tuples(
            st.just("databases"), st.dictionaries(st.just("app-db"), st.sampled_from(["7301", "9999", ""]))
        ),
        st.tuples(
            st.sampled_from(["allow.accounts", "allow.zones", "allow.databases", "allow.addresses"]), VALUES
        ),
        st.tuples(st.just("allow"), VALUES),
    ),
    min_size=1,
    max_size=6,
)


def never_production(mutations: list[tuple[str, Any]]) -> None:
    """The guard against an oracle that knows nothing of lists: what would be touched is not production's."""
    told: dict[str, Any] = copy.deepcopy(GOOD)
    for name, value in mutations:
        if name.startswith("allow."):
            allow = told["allow"] if isinstance(told["allow"], dict) else {}
            told["allow"] = {**allow, name.removeprefix("allow."): value}
        else:
            told[name] = value
    drilled = Drilled(**told)
    if problems_before(drilled, PRODUCTION):
        return
    assert told["kind"] in ("staging", "local") and told["allowed"] is True
    assert told["name"] != "production" and told["account"] != "acc-prod"
    assert not {"auth-prod", "site-prod", "content-prod"} & set(told["targets"])
    assert "7301" not in told["databases"].values()
    for _, address in told["addresses"]:
        assert "auth.example.com" not in address.lower() and "db.example.com" not in address
    for seen in (("acc-prod",), ("acc-stage", "acc-prod")):
        assert problems_seen(drilled, PRODUCTION, Seen(seen, SEEN.zones, SEEN.targets))
    assert problems_seen(drilled, PRODUCTION, Seen(SEEN.accounts, SEEN.zones, ("auth-prod",)))


@settings(max_examples=500, deadline=None)
@given(MUTATIONS)
def test_no_mutated_inventory_leads_to_production(mutations: list[tuple[str, Any]]) -> None:
    never_production(mutations)


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(MUTATIONS)
def test_ten_thousand_mutated_inventories(mutations: list[tuple[str, Any]]) -> None:
    never_production(mutations)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://Auth.Example.com./health", "auth.example.com:443"),
        ("postgres://u:p@db.example.com/app", "db.example.com:5432"),
        ("127.0.0.1:8443", "127.0.0.1:8443"),
        ("https://u:p@h:44/", "h:44"),
        ("https://[x/", ""),
        ("https://h:port/", ""),
        ("", ""),
    ],
)
def test_an_address(text: str, address: str) -> None:
    assert address_of(text) == address


def test_what_the_inventories_say_of_production() -> None:
    root = Path(__file__).resolve().parents[3] / "inventories"
    found = production_of(root, root / "local")
    assert "production" in found.environments and "staging" not in found.environments
    assert {"must-be-viral-auth-prod", "must-be-viral-production"} <= found.targets
    assert "auth.mustbeviral.com" in found.hosts


def test_an_environment_that_does_not_say_what_it_is_counts_as_production(tmp_path: Path) -> None:
    (tmp_path / "qa" / "group_vars").mkdir(parents=True)
    (tmp_path / "qa" / "group_vars" / "all.yml").write_text(
        "environment_name: qa\ncloudflare_account_id: abc\n"
    )
    (tmp_path / "qa" / "hosts.yml").write_text(
        "all: {children: {workers: {hosts: {w: {worker_name: w-qa}}}}}\n"
    )
    found = production_of(tmp_path, tmp_path / "staging")
    assert found.environments == {"qa"} and found.accounts == {"abc"} and found.targets == {"w-qa"}
