"""A number is held against its threshold, and what is no number never passes."""

from __future__ import annotations

from datetime import UTC, datetime
from math import nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.signal.cloudflare import Invocations, readings
from plugins.module_utils.signal.model import Window, filled, judged

WINDOW = Window(datetime(2026, 11, 24, 21, 30, tzinfo=UTC), datetime(2026, 11, 24, 21, 35, tzinfo=UTC))
DECLARED: dict[str, Any] = {"check": "prometheus errors", "max": 0.01}


@pytest.mark.parametrize(
    ("numbers", "verdict", "said"),
    [
        ({"": 0.0}, "pass", "0; at most 0.01 is allowed"),
        ({"": 0.01}, "pass", "0.01; at most"),
        ({"": 0.02}, "fail", "0.02; at most"),
        ({}, "inconclusive", "no data from 21:30:00 to 21:35:00 UTC"),
        ({"": nan}, "inconclusive", "no number"),
        ({"a": 0.0, "b": 0.5, "c": 0.2}, "fail", "0.5 of b, and 2 more"),
        ({"a": 0.0, "b": nan}, "inconclusive", "some have no number"),
        ({"a": 0.5, "b": nan}, "fail", "some have no number"),
    ],
    ids=["good", "edge", "bad", "none", "nan", "series", "part", "part-bad"],
)
def test_a_threshold(numbers: dict[str, float], verdict: str, said: str) -> None:
    found = judged("shop", DECLARED, numbers, WINDOW)
    assert (found.verdict, said in found.detail) == (verdict, True), found.detail
    assert found.figures["window"] == ["2026-11-24T21:30:00Z", "2026-11-24T21:35:00Z"]


def test_a_floor() -> None:
    declared = {"check": "json paying", "min": 1}
    assert judged("shop", declared, {"": 3}, WINDOW).verdict == "pass"
    assert judged("shop", declared, {"": 0}, WINDOW).verdict == "fail"


@given(st.dictionaries(st.text(max_size=3), st.floats(allow_infinity=False)), st.floats(0, 10))
def test_a_pass_means_that_every_number_is_there_and_keeps_the_threshold(
    numbers: dict[str, float], most: float
) -> None:
    found = judged("shop", {"check": "x", "max": most}, numbers, WINDOW)
    good = bool(numbers) and all(number <= most for number in numbers.values())
    assert (found.verdict == "pass") == good


def test_what_stands_for_the_window() -> None:
    text = 'rate(errors{job=~"a|b"}[${window}s]) ${from} $to_ms $unknown'
    assert filled(text, WINDOW.names) == (
        'rate(errors{job=~"a|b"}[300s]) 2026-11-24T21:30:00Z 1795555 $unknown'.replace(
            "1795555", str(int(WINDOW.end.timestamp() * 1000))
        )
    )


@pytest.mark.parametrize(
    ("n", "bad", "verdict"),
    [
        (99, 99, "inconclusive"),
        (100, 0, "pass"),
        (100, 1, "pass"),
        (100, 3, "inconclusive"),
        (100, 8, "fail"),
    ],
    ids=["too-few", "none", "allowed", "not-sure", "bad"],
)
def test_errors_of_the_version_that_serves(n: int, bad: int, verdict: str) -> None:
    declared = {"check": "cloudflare analytics", "max": 0.01, "min_requests": 100}
    rows = [Invocations("auth", "new", n, bad), Invocations("auth", "old", 5000, 5000)]
    [found] = readings(declared, {"auth-worker": "auth"}, {"auth-worker": "new"}, rows, WINDOW)
    assert found.verdict == verdict, found.detail
    assert found.figures["versions"] == {"new": [n, bad], "old": [5000, 5000]}
