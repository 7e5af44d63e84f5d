"""Whatever goes wrong with whichever request: what a flow has made is cleaned up, then or by the next run."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.module_utils.flow.ask import Way
from plugins.module_utils.flow.declared import Flow
from plugins.module_utils.flow.left import LeftThings
from plugins.module_utils.flow.run import FAIL, Finding, Trier
from tests.support.shop import FLOWS, Shop, open_shop

# The application chooses the name of what is made.
NAMED_BY_ANSWER: dict[str, Any] = {
    "component": "content-worker",
    "steps": [
        {
            "name": "create",
            "request": {"method": "POST", "url": "$(content)/items", "json": {"title": "one"}},
            "capture": {"item": "id"},
        },
        {"name": "read", "request": {"url": "$(content)/items/$(item)"}},
    ],
    "cleanup": [{"name": "delete", "request": {"method": "DELETE", "url": "$(content)/items/$(item)"}}],
}


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with open_shop() as shop:
        yield shop


def tried(runs: Path, shop: Shop, flow: Flow) -> Finding:
    """One attempt, after the cleanup of what earlier ones have left."""
    things = LeftThings(runs, "test")
    way = Way(timeout=5)
    trier = Trier(
        things,
        way,
        "run",
        "2026-01-01T00:00:00Z",
        shop.values,
        {},
        time.monotonic() + 0.9,
        lambda secret: None,
    )
    with things.used() as abandoned:
        for left in abandoned:
            trier.cleaned(left)
        return trier.tried(flow)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["login", "content", "payment"]),
    strikes=st.dictionaries(
        st.integers(0, 8), st.sampled_from(["refuse", "fail", "drop"]), min_size=1, max_size=4
    ),
)
def test_what_is_made_is_cleaned_up(tmp_path: Path, shop: Shop, name: str, strikes: dict[int, str]) -> None:
    """A request may be refused, or answered with a failure or not at all although it took effect."""
    began = len(shop.asked)
    shop.strike = lambda number: strikes.get(number - began, "")
    tried(tmp_path, shop, Flow.of(name, FLOWS[name]))
    made = (shop.accounts, shop.items, shop.owed)
    if any(made):
        assert list((tmp_path / ".flows" / "test").glob("*.json")), "nobody knows of it any more"
    shop.strike = lambda number: ""
    tried(tmp_path, shop, Flow.of("login", FLOWS["login"]))
    assert (shop.accounts, shop.items, shop.owed) == ({}, {}, 0)
    assert not list((tmp_path / ".flows" / "test").glob("*.json"))


def test_what_the_application_names_is_cleaned_up_too(tmp_path: Path, shop: Shop) -> None:
    began = len(shop.asked)
    shop.strike = lambda number: "refuse" if number == began + 1 else ""
    finding = tried(tmp_path, shop, Flow.of("named", NAMED_BY_ANSWER))
    assert (finding.verdict, shop.items) == (FAIL, {})


def test_what_only_a_lost_answer_could_name_is_told(tmp_path: Path, shop: Shop) -> None:
    began = len(shop.asked)
    shop.strike = lambda number: "drop" if number == began else ""
    finding = tried(tmp_path, shop, Flow.of("named", NAMED_BY_ANSWER))
    assert "something may be left: the answer with item never came" in finding.detail
    shop.items.clear()
