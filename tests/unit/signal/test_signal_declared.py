"""What the inventory says of signals: what is wrong is named, and left out."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.module_utils.signal.declared import declared_signals


def test_nothing_is_declared() -> None:
    assert declared_signals({}) == {"sources": [], "problems": []}


def test_what_is_declared_well() -> None:
    found = declared_signals(
        {
            "signals": {
                "cloudflare": True,
                "prometheus": [{"name": "5xx", "url": "https://p.test", "query": "x", "max": 0}],
                "sentry": {"organization": "viral", "token": "t0ken-t0ken", "max": 5},
            }
        }
    )
    assert found["problems"] == []
    assert [source["check"] for source in found["sources"]] == [
        "cloudflare analytics",
        "prometheus 5xx",
        "sentry",
    ]
    assert found["sources"][0]["max"] == 0.01


GOOD = {"name": "5xx", "url": "https://p.test", "query": "x", "max": 0}


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        (["x"], "signals must be a mapping"),
        ({"newrelic": {}}, "signals.newrelic is no adapter"),
        ({"prometheus": {}}, "signals.prometheus must be a list"),
        ({"prometheus": [{**GOOD, "query": ""}]}, "number 1: query is not set"),
        ({"prometheus": [{**GOOD, "max": None}]}, "number 1: max or min is needed"),
        ({"prometheus": [{**GOOD, "max": "1"}]}, "number 1: max must be a number"),
        ({"prometheus": [{**GOOD, "limit": 1}]}, "number 1: limit is nothing that it has"),
        ({"prometheus": [{**GOOD, "url": "p.test"}]}, "number 1: url must begin with https://"),
        (
            {"prometheus": [{**GOOD, "token": ""}]},
            "number 1: token is empty: is its environment variable set?",
        ),
        ({"prometheus": [{**GOOD, "url": "http://p.test", "token": "x"}]}, "because a secret goes with it"),
        ({"json": [{"name": "a", "url": "https://p.test", "value": "((", "max": 1}]}, "value is no JMESPath"),
        ({"sentry": {"max": 1}}, "signals.sentry: organization is not set"),
    ],
)
def test_what_is_wrong_is_named_and_left_out(declared: Any, problem: str) -> None:
    found = declared_signals({"signals": declared})
    assert any(problem in text for text in found["problems"]), found["problems"]
    assert found["sources"] == []
