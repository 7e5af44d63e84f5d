"""Exact bounds: the published table, and what holds for every count."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.verdict.bounds import at_most, lower, needed, quantile_rank, upper


@pytest.mark.parametrize(
    ("limit", "confidence", "expected"),
    [
        (0.01, 0.95, {0: 299, 1: 473, 2: 628, 3: 773, 5: 1049}),
        (0.01, 0.99, {0: 459, 1: 662}),
        (0.05, 0.95, {0: 59, 1: 93, 2: 124, 3: 153, 5: 208}),
        (0.05, 0.99, {0: 90, 1: 130}),
    ],
)
def test_how_many_answers_prove_a_limit(limit: float, confidence: float, expected: dict[int, int]) -> None:
    assert {bad: needed(limit, confidence, bad) for bad in expected} == expected
    for bad, n in expected.items():
        assert upper(bad, n, confidence) < limit <= upper(bad, n - 1, confidence)


@given(n=st.integers(1, 80), share=st.floats(0, 1), p=st.floats(0.001, 0.999))
def test_the_distribution_is_the_binomial_one(n: int, share: float, p: float) -> None:
    bad = int(share * n)
    summed = sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(bad + 1))
    assert at_most(bad, n, p) == pytest.approx(summed, rel=1e-9, abs=1e-12)


@given(n=st.integers(1, 100_000), share=st.floats(0, 1), confidence=st.sampled_from([0.9, 0.95, 0.99, 0.999]))
@settings(max_examples=60, deadline=None)
def test_bounds_enclose_what_was_seen_and_give_their_confidence(
    n: int, share: float, confidence: float
) -> None:
    bad = min(n, int(share * n))
    low, high = lower(bad, n, confidence), upper(bad, n, confidence)
    assert 0 <= low <= bad / n <= high <= 1
    if bad < n:
        assert at_most(bad, n, high) == pytest.approx(1 - confidence, rel=1e-5)
        assert upper(bad + 1, n, confidence) > high
        assert upper(bad, n + 1, confidence) < high
    if bad:
        assert 1 - at_most(bad - 1, n, low) == pytest.approx(1 - confidence, rel=1e-5)


@given(p=st.floats(0.001, 0.5), n=st.integers(1, 300), confidence=st.sampled_from([0.95, 0.99]))
@settings(max_examples=40, deadline=None)
def test_the_upper_bound_covers(p: float, n: int, confidence: float) -> None:
    """Summed over all that can be seen, the truth is below the bound as often as is said, at least."""
    # The bound rises with `bad`, so the counts whose bound is below the truth are the smallest ones.
    too_low = sum(1 for bad in range(n + 1) if upper(bad, n, confidence) < p)
    assert at_most(too_low - 1, n, p) <= 1 - confidence + 1e-9


def test_a_million_answers_are_no_trouble() -> None:
    assert upper(0, 10**6, 0.95) == pytest.approx(2.995728e-6, rel=1e-4)
    assert upper(10**4, 10**6, 0.95) == pytest.approx(0.0101653, rel=1e-4)
    assert lower(10**6, 10**6, 0.95) == pytest.approx(1 - 2.995728e-6, rel=1e-9)
    assert upper(10**6, 10**6, 0.95) == 1
    assert lower(0, 10**6, 0.95) == 0


def test_the_rank_that_bounds_a_p95() -> None:
    assert quantile_rank(58, 0.95, 0.95) is None
    # With 59 values only the greatest bounds it, as with 0 bad of 59.
    assert quantile_rank(59, 0.95, 0.95) == 59
    # One of 93 may be above, as the table says.
    assert (quantile_rank(92, 0.95, 0.95), quantile_rank(93, 0.95, 0.95)) == (92, 92)
