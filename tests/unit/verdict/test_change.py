"""A watch: it raises an alarm when a service gets worse, at whatever time, and hardly ever when it does not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.verdict.bounds import lower
from plugins.module_utils.verdict.change import Change, Watched
from plugins.module_utils.verdict.compare import errors, latency, share_of
from plugins.module_utils.verdict.sequential import Hypotheses

ERRORS = Hypotheses(limit=0.01, p0=0.005, p1=0.02)
LATE = Hypotheses(limit=0.05, p0=0.025, p1=0.1)
# 300 s at 2 requests/s.
WINDOW = 600


def alarm(rate: Callable[[int], float], chance: Random, most: int = WINDOW) -> int | None:
    """After how many answers there is an alarm."""
    test = Change(ERRORS, WINDOW)
    for number in range(most):
        test.observe(chance.random() < rate(number))
        if test.decision:
            return number + 1
    return None


@pytest.mark.parametrize("before", [0, 400, 100_000], ids=["at-once", "later", "after-a-long-good-time"])
def test_a_service_that_goes_down_is_noticed_after_ten_answers(before: int) -> None:
    found = alarm(lambda number: float(number >= before), Random(1), before + 50)
    assert found is not None
    assert found - before == 10


def simulated(rate: float, runs: int, before: int = 0) -> list[int | None]:
    chance = Random(f"watch {rate} {before}")
    most = before + WINDOW
    return [alarm(lambda n: rate if n >= before else 0.0, chance, most) for _ in range(runs)]


def test_a_good_service_raises_no_more_false_alarms_than_stated() -> None:
    found = simulated(0.005, 400)
    assert lower(sum(item is not None for item in found), 400, 0.999) <= ERRORS.alpha


@pytest.mark.parametrize(("rate", "within"), [(0.2, 250), (1.0, 10)])
def test_a_bad_service_is_noticed_in_the_window(rate: float, within: int) -> None:
    found = simulated(rate, 200)
    assert all(item is not None and item <= within for item in found), found


@pytest.mark.soak
@pytest.mark.parametrize("rate", [0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 1.0])
def test_watches_of_10000_runs(rate: float) -> None:
    """`pytest -m soak -s tests/unit/verdict/test_change.py` prints the table of docs/watch.md."""
    found = simulated(rate, 10_000)
    took = sorted(item for item in found if item is not None)
    times = f"{mean(took):.0f} | {took[int(len(took) * 0.95)]}" if took else "- | -"
    print(f"\n| {100 * rate:g} % | {len(took)} | {times} |")
    if rate <= ERRORS.p0:
        assert lower(len(took), 10_000, 0.999) <= ERRORS.alpha


@given(st.lists(st.booleans(), max_size=300))
def test_the_sum_is_the_largest_over_all_moments_of_a_change(answers: list[bool]) -> None:
    """What the proof of the false alarms rests on."""
    test = Change(ERRORS, WINDOW)
    for bad in answers:
        test.observe(bad)
    suffixes = [0.0]
    for bad in reversed(answers):
        suffixes.append(suffixes[-1] + (test._of_bad if bad else test._of_good))
    assert test._sum == pytest.approx(max(suffixes))


@given(st.permutations(range(30)), st.sets(st.integers(0, 29)))
def test_the_order_of_the_answers_does_not_matter(order: list[int], bad: set[int]) -> None:
    one, other = (Watched(ERRORS, LATE, 100) for _ in range(2))
    for watched, numbers in ((one, list(range(30))), (other, order)):
        for number in range(30):
            watched.asked(number)
        for number in numbers:
            watched.answered(number, 0.1, ["status 500"] if number in bad else [])
    assert one.findings == other.findings


def test_what_is_never_answered_does_not_stand_in_the_way() -> None:
    watched = Watched(ERRORS, LATE, 100)
    for number in range(3):
        watched.asked(number)
    watched.answered(1, 0.1, [])
    watched.answered(2, 0.1, [])
    assert watched.measured.n == 0
    watched.forget()
    assert watched.measured.n == 2


def test_too_few_answers_prove_nothing_and_many_good_ones_do() -> None:
    watched = Watched(ERRORS, LATE, 600)
    for number in range(150):
        verdict = watched.findings["error rate"].verdict
        assert verdict == ("inconclusive" if number < 149 else "pass"), number
        watched.asked(number)
        watched.answered(number, 0.05, [])


# --- the new release against the one before


ASKED: dict[str, Any] = {"alpha": 0.001, "least": 50, "margin": 0.005}


@pytest.mark.parametrize(
    ("new", "old", "verdict"),
    [
        ((0, 200), (0, 200), "pass"),
        ((40, 200), (0, 200), "fail"),
        ((2, 200), (0, 200), "pass"),
        ((3, 10), (0, 5000), "inconclusive"),
        ((0, 5000), (3, 10), "not applicable"),
        ((300, 20_000), (200, 20_000), "pass"),
        ((400, 20_000), (100, 20_000), "fail"),
        ((200, 200), (200, 200), "pass"),
    ],
    ids=["both-good", "worse", "chance", "few", "few-before", "not-by-much", "many", "both-bad"],
)
def test_more_errors_than_before(new: tuple[int, int], old: tuple[int, int], verdict: str) -> None:
    assert errors(new, old, **ASKED).verdict == verdict


def test_a_sum_that_is_known() -> None:
    # Fisher's tea: 3 of 4 against 1 of 4 is p = 0.2429.
    assert "p = 0.24" in errors((3, 4), (1, 4), alpha=0.05, least=1, margin=0).detail
    assert share_of(1, 2, 0.5) == pytest.approx(0.75)


def test_slower_than_before() -> None:
    chance = Random(7)
    old = [chance.uniform(0.02, 0.1) for _ in range(300)]
    asked: dict[str, Any] = {"alpha": 0.001, "least": 50, "factor": 1.5}
    same = latency([chance.uniform(0.02, 0.1) for _ in range(300)], old, **asked)
    slow = latency([chance.uniform(0.02, 0.5) for _ in range(300)], old, **asked)
    few = latency([9.0] * 20, old, **asked)
    assert (same.verdict, slow.verdict, few.verdict) == ("pass", "fail", "inconclusive")
    assert "too little traffic: 20 answers" in few.detail
