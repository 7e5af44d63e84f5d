"""Exact one-sided bounds on a proportion (Clopper and Pearson, 1934), and on a quantile.

The binomial distribution is asked through the regularised incomplete beta function, whose continued fraction (Lentz's
method, DLMF 8.17.22) needs about the root of ``n`` steps, so that a million answers are no trouble.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import exp, lgamma, log, log1p

__all__ = ["at_most", "lower", "needed", "quantile_rank", "upper"]

_TINY = 1e-300
_CLOSE = 1e-14
_STEPS = 100_000
_HALVINGS = 200


def at_most(bad: int, n: int, p: float) -> float:
    """How probable it is to see at most ``bad`` of ``n``, when each is bad with probability ``p``."""
    if bad >= n or p <= 0:
        return 1.0
    if bad < 0 or p >= 1:
        return 0.0
    return _beta(n - bad, bad + 1, 1 - p, p)


def upper(bad: int, n: int, confidence: float) -> float:
    """The proportion that is not exceeded, at ``confidence``, when ``bad`` of ``n`` were seen; 1 without any."""
    if bad >= n:
        return 1.0
    return _where(lambda p: at_most(bad, n, p) < 1 - confidence)


def lower(bad: int, n: int, confidence: float) -> float:
    """The proportion that is reached at least, at ``confidence``; 0 when none was bad."""
    if bad <= 0:
        return 0.0
    return _where(lambda p: 1 - at_most(bad - 1, n, p) > 1 - confidence)


@cache
def needed(limit: float, confidence: float, bad: int = 0) -> int:
    """How many answers prove that the proportion is below ``limit``, when ``bad`` of them are bad.

    >>> needed(0.01, 0.95)
    299
    """
    if not 0 < limit < 1 or not 0 < confidence < 1:
        raise ValueError("limit and confidence must be between 0 and 1")
    low, high = bad, bad + 1
    while at_most(bad, high, limit) > 1 - confidence:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if at_most(bad, middle, limit) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def quantile_rank(n: int, quantile: float, confidence: float) -> int | None:
    """Which of ``n`` values in rising order (from 1) the quantile does not exceed, at ``confidence``.

    ``None`` when there are too few: the 0.95 quantile needs 59 values at 95 %.
    """
    if at_most(n - 1, n, quantile) < confidence:
        return None
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        if at_most(middle - 1, n, quantile) >= confidence:
            high = middle
        else:
            low = middle
    return high


def _where(holds: Callable[[float], bool]) -> float:
    """The smallest proportion from which on something holds."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if holds(middle):
            high = middle
        else:
            low = middle
    return high


def _beta(a: int, b: int, x: float, y: float) -> float:
    """The regularised incomplete beta function of ``x``; ``y`` is 1 - ``x``, given apart because x may be near 1."""
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * _log(x, y) + b * _log(y, x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, y) / b


def _log(x: float, y: float) -> float:
    return log(x) if x < 0.5 else log1p(-y)


def _fraction(a: int, b: int, x: float) -> float:
    c, d = 1.0, 1 / _away_from_0(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_0(1 + numerator * d)
            c = _away_from_0(1 + numerator / c)
            found *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return found


def _away_from_0(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
