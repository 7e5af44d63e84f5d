"""Scenarios: the catalogue is whole, what is wrong in one is named, and each is an experiment of Chaos Toolkit."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaoslib.experiment import ensure_experiment_is_valid
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.drill.acts import Activity
from plugins.module_utils.drill.chaos import experiment_of, journal_of
from plugins.module_utils.drill.result import Result
from plugins.module_utils.drill.scenario import FAMILIES, LONGEST_LEASE, Wrong, choose, read_all, scenario_of
from plugins.module_utils.drill.settings import problems_in, settings_of

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = read_all(ROOT / "drills")
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "drills" / "worker-throws.yml").read_text())
DECLARED: dict[str, Any] = {
    "allowed": True,
    "deploy": ["echo", "{release}"],
    "migrate": ["echo"],
    "faults": "http://127.0.0.1:1",
}


def test_every_family_is_there_and_in_the_short_set() -> None:
    assert {scenario.family for scenario in CATALOGUE.values()} == set(FAMILIES)
    short = choose(CATALOGUE, "short")
    assert {scenario.family for scenario in short} == set(FAMILIES)
    assert choose(CATALOGUE, "all") == list(CATALOGUE.values())
    assert [one.name for one in choose(CATALOGUE, "network-split, worker-throws")] == [
        "worker-throws",
        "network-split",
    ]


def test_what_is_seen_and_what_may_fail_are_components_of_the_inventory() -> None:
    children = yaml.safe_load((ROOT / "inventories" / "local" / "hosts.yml").read_text())["all"]["children"]
    known = {host for group in children.values() for host in group["hosts"]} | {"payments"}
    for scenario in CATALOGUE.values():
        assert scenario.signal | scenario.blast_radius <= known, scenario.name
        assert not scenario.blast_radius or scenario.signal <= scenario.blast_radius, scenario.name


def test_a_third_party_is_no_reason_to_roll_back() -> None:
    for scenario in CATALOGUE.values():
        if scenario.family == "third-party" and not any(act.kind == "deploy" for act in scenario.method):
            assert scenario.decision == "leave", scenario.name


@pytest.mark.parametrize("asked", ["", "nonsense", "worker,nonsense"])
def test_who_asks_for_what_is_not_there_is_told_what_is(asked: str) -> None:
    with pytest.raises(Wrong) as told:
        choose(CATALOGUE, asked)
    assert "-e scenarios" in told.value.problems[0]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("title", None, "title is not set"),
        ("tags", ["short"], "exactly one family"),
        ("tags", ["worker", "network"], "exactly one family"),
        ("expect.decision", "maybe", "expect.decision must be one of"),
        ("expect.signal", "some", "expect.signal must be a list"),
        ("blast_radius", "everything", "blast_radius must be a list"),
        ("targets.rto", None, "targets.rto must be a number"),
        ("targets.rpo", -1, "targets.rpo must be a number"),
        ("targets.rto", True, "targets.rto must be a number"),
        ("method", [], "method needs at least one action"),
        ("method", "deploy", "method must be a list of actions"),
        ("method", [{"name": "x"}], "exactly one of"),
        ("method", [{"name": "x", "deploy": "r3"}], "deploy must be a list of arguments"),
        ("method", [{"name": "x", "edge": {"kind": "reset"}}], "needs lease_seconds"),
        ("method", [{"name": "x", "api": {"kind": "reset", "lease_seconds": LONGEST_LEASE + 1}}], "lease_seconds"),
        ("method", [{"name": "x", "lock": {"database": "a", "lease_seconds": 5}}], "needs table"),
        ("rollbacks", [{"name": "x", "edge": {"kind": "reset", "lease_seconds": 5}}], "exactly one of rollback"),
        ("colour", "red", "colour is nothing that a scenario has"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_named(path: str, value: Any, said: str) -> None:
    content = copy.deepcopy(GOOD)
    *parents, name = path.split(".")
    place = content
    for parent in parents:
        place = place[parent]
    place[name] = value
    with pytest.raises(Wrong) as told:
        scenario_of("mine", content)
    assert any(said in problem and problem.startswith("mine.yml: ") for problem in told.value.problems)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from([*GOOD, "abort", "rollbacks", "needs", "trigger"]), ANYTHING, min_size=1)
)
def test_nothing_crashes(changes: dict[str, Any]) -> None:
    try:
        scenario = scenario_of("mine", {**GOOD, **changes})
    except Wrong as error:
        assert error.problems
        return
    experiment_of(scenario, settings_of(DECLARED, Path()), environment="local")


@pytest.mark.parametrize("name", CATALOGUE)
def test_it_is_an_experiment_of_chaos_toolkit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = CATALOGUE[name]
    # psql belongs to whoever runs it.
    monkeypatch.setattr("shutil.which", lambda path: "/bin/true")
    experiment = experiment_of(scenario, settings_of(DECLARED, Path()), environment="local")
    ensure_experiment_is_valid(experiment)
    assert [action["name"] for action in experiment["method"]][:-1] == [
        action.name for action in scenario.method
    ]

    now = datetime.now(UTC)
    done = [
        Activity(scenario.method[0].name, "method", now, now + timedelta(seconds=2), "succeeded", {"id": 1})
    ]
    result = Result(name, scenario.title, scenario.family, verdict="pass", steady=True, activities=done)
    told = journal_of(result, experiment, start=now, end=now + timedelta(seconds=3))
    assert told["status"] == "completed" and not told["deviated"] and told["duration"] == 3
    assert told["run"][0]["activity"] == experiment["method"][0]
    assert told["run"][0]["duration"] == 2


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ([], "drills must be a mapping"),
        ({"deploi": []}, "drills.deploi is nothing that drills have"),
        ({"deploy": "deploy.sh"}, "drills.deploy must be a command"),
        ({"deploy": ["deploy.sh"]}, "with {release} where its name goes"),
        ({"every": 0}, "drills.every must be a number above 0"),
        ({"sentinel": {"url": "http://x"}}, "drills.sentinel must be a mapping of url (https://...)"),
        ({"vantage_points": []}, "drills.vantage_points must be names"),
        ({"identities": {"account": "x"}}, "drills.identities must be a mapping of accounts"),
    ],
)
def test_settings_that_are_wrong_are_named(declared: Any, said: str) -> None:
    whole = {**DECLARED, **declared} if isinstance(declared, dict) else declared
    assert any(
        said in problem and "staging/group_vars" in problem
        for problem in problems_in(whole, "staging/group_vars/all.yml")
    )


def test_good_settings_have_no_problem() -> None:
    assert problems_in(DECLARED, "staging/group_vars/all.yml") == []
