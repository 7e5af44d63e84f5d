"""The sequential test: how soon it decides, and how often it is wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.verdict.bounds import upper
from plugins.module_utils.verdict.sequential import Hypotheses, Sequential

ERRORS = Hypotheses(limit=0.01, p0=0.005, p1=0.02)
LATE = Hypotheses(limit=0.05, p0=0.025, p1=0.1)


def decided(answers: list[bool], hypotheses: Hypotheses = ERRORS) -> Sequential:
    test = Sequential(hypotheses)
    for bad in answers:
        test.observe(bad)
    return test


def test_a_clean_service_passes_after_455_answers() -> None:
    assert decided([False] * 454).decision is None
    clean = decided([False] * 455)
    assert clean.decision == "pass"
    assert clean.finding().interval[1] < 0.01


def test_a_service_that_is_down_fails_after_5() -> None:
    assert decided([True] * 4).decision is None
    down = decided([True] * 5).finding()
    assert (down.verdict, down.n, down.bad) == ("fail", 5, 5)


def test_latency_is_decided_sooner() -> None:
    assert decided([False] * 87, LATE).decision == "pass"
    assert decided([True] * 5, LATE).decision == "fail"


def test_without_a_decision_it_does_not_guess() -> None:
    finding = decided([False] * 99 + [True]).finding()
    assert (finding.verdict, finding.n, finding.bad) == ("inconclusive", 100, 1)
    assert finding.words.startswith("1 of 100 are bad (1 %): at least 0.0513 % or at most 4.66 %")
    assert Sequential(ERRORS).finding().words == "no answer was judged"


@given(st.lists(st.booleans(), max_size=1200))
@settings(deadline=None)
def test_a_decision_stays(answers: list[bool]) -> None:
    test = Sequential(ERRORS)
    first = None
    for bad in answers:
        told = test.observe(bad)
        assert first is None or told == first
        first = first or told
    assert test.n <= len(answers)


@given(st.lists(st.integers(0, 1199), max_size=30, unique=True), st.integers(0, 1199))
@settings(deadline=None)
def test_one_more_bad_answer_never_turns_a_fail_into_a_pass(bad: list[int], more: int) -> None:
    better = decided([number in bad for number in range(1200)])
    worse = decided([number in bad or number == more for number in range(1200)])
    if better.decision == "fail":
        assert worse.decision == "fail"
        assert worse.n <= better.n
    if worse.decision == "pass":
        assert better.decision == "pass"


@given(st.lists(st.integers(0, 2999), max_size=30, unique=True))
@settings(deadline=None)
def test_a_pass_proves_the_limit(bad: list[int]) -> None:
    test = decided([number in bad for number in range(3000)])
    if test.decision == "pass":
        assert upper(test.bad, test.n, ERRORS.confidence) < ERRORS.limit


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"p0": 0.02, "p1": 0.02}, "limit must be above p0"),
        ({"limit": 0.03}, "not above p1"),
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"confidence": 95}, "confidence must be between 0 and 1"),
    ],
)
def test_hypotheses_that_make_no_sense_are_named(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Sequential(Hypotheses(**{"limit": 0.01, "p0": 0.005, "p1": 0.02, **wrong}))
