"""What many answers say of a service, whatever the order in which they come."""

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.verdict.sequential import Hypotheses, Sequential
from plugins.module_utils.verdict.service import InOrder, Latency, Service, Total

ERRORS = Hypotheses(limit=0.01, p0=0.005, p1=0.02)
LATE = Hypotheses(limit=0.05, p0=0.025, p1=0.1)


def service(warm_up: int = 0) -> Service:
    return Service(ERRORS, LATE, warm_up=warm_up)


def test_fast_answers_do_not_overtake_the_slow_ones() -> None:
    """Every fifth answer takes long. All fast ones are there before the first of the others is even late."""
    asked = service()
    for number in range(600):
        asked.asked(number)
        if number % 5:
            asked.answered(number, 0.01, [])
    assert asked.verdict is None
    for number in range(0, 600, 5):
        asked.is_late(number)
        asked.answered(number, 3.0, [])
    assert asked.findings["latency"].verdict == "fail"
    assert asked.findings["error rate"].verdict == "pass"
    assert asked.verdict == "fail"


@given(st.lists(st.sampled_from([True, False, None]), max_size=300), st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_answers_changes_nothing(answers: list[bool | None], chance: random.Random) -> None:
    numbers = list(range(len(answers)))
    tests = [InOrder(Sequential(ERRORS)), InOrder(Sequential(ERRORS))]
    for number in numbers:
        for test in tests:
            test.asked(number)
    for number in numbers:
        tests[0].known(number, answers[number])
    chance.shuffle(numbers)
    for number in numbers:
        tests[1].known(number, answers[number])
    assert tests[0].test.finding() == tests[1].test.finding()


def test_a_cold_start_is_not_timed_but_its_error_counts() -> None:
    cold = service(warm_up=10)
    for number in range(10):
        cold.asked(number)
        cold.is_late(number)
        cold.answered(number, 2.5, [])
    assert cold.findings["latency"].n == 0
    assert cold.findings["error rate"].n == 10
    down = service(warm_up=10)
    for number in range(5):
        down.asked(number)
        down.answered(number, None, ["connection refused"])
    assert down.verdict == "fail"
    assert down.problems == ["connection refused (5 times)"]


def test_an_answer_that_could_not_be_timed_says_nothing_of_latency() -> None:
    asked = service()
    for number in range(100):
        asked.asked(number)
        asked.answered(number, None, [])
    assert asked.findings["latency"].n == 0
    assert asked.findings["error rate"].n == 100


def test_quantiles_come_with_a_bound() -> None:
    hundred = Latency.of([number / 100 for number in range(1, 101)], 0.95)
    assert (hundred.p50, hundred.p95, hundred.longest, hundred.bound) == (0.5, 0.95, 1.0, 0.99)
    assert Latency.of([0.1] * 58, 0.95).bound is None
    assert Latency.of([], 0.95).as_dict() == {"p50": None, "p95": None, "max": None, "p95_bound": None}
    # An answer that never came has no number, and none is made up.
    assert Latency.of([0.1, math.inf], 0.95).as_dict()["max"] is None


def test_the_total_does_not_get_better_when_the_bad_service_is_not_asked_any_more() -> None:
    total = Total(ERRORS)
    for number in range(30):
        total.asked(number)
        total.answered(number, bad=number % 6 == 0)
    total.end()
    for number in range(30, 3000):
        total.asked(number)
        total.answered(number, bad=False)
    assert (total.finding.verdict, total.finding.n, total.finding.bad) == ("inconclusive", 30, 5)
