"""A new release against the one before it: more errors, or slower. Exact tests, and nothing said of a few answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from .bounds import quantile_rank

__all__ = ["Compared", "errors", "latency", "share_of"]

_P95, _CONFIDENCE = 0.95, 0.95


@dataclass(frozen=True, slots=True)
class Compared:
    """``verdict``: fail (worse), pass (not known to be worse), inconclusive (too few answers of the new one), not
    applicable (too few of the one before: there is nothing to compare with)."""

    verdict: str
    detail: str


def errors(
    new: tuple[int, int], old: tuple[int, int], *, alpha: float, least: int, margin: float
) -> Compared:
    """Bad answers and answers of the new and the old one. Worse: by more than ``margin``, and not by chance.

    By chance: Fisher's exact test, one-sided, at ``alpha``. Below ``least`` answers of either nothing is said.
    """
    (bad, n), (bad_old, n_old) = new, old
    if n < least or n_old < least:
        return _few(n, n_old, least)
    told = f"{bad} of {n} bad ({100 * bad / n:.3g} %), before {bad_old} of {n_old} ({100 * bad_old / n_old:.3g} %)"
    chance = _fisher(bad, n, bad_old, n_old)
    worse = bad / n - bad_old / n_old > margin and chance < alpha
    return Compared("fail" if worse else "pass", f"{told}; by chance with p = {chance:.2g}")


def latency(
    new: Sequence[float], old: Sequence[float], *, alpha: float, least: int, factor: float
) -> Compared:
    """Seconds of the new and the old one. Worse: p95 is more than ``factor`` times the old one, and not by chance.

    By chance: at most one answer in twenty takes longer than the upper bound of the old p95, which a binomial test
    takes for granted at ``alpha``.
    """
    if len(new) < least or len(old) < least:
        return _few(len(new), len(old), least)
    rank = quantile_rank(len(old), _P95, _CONFIDENCE)
    if rank is None:
        return Compared("not applicable", f"{len(old)} answers of before are too few for a bound of p95")
    limit = sorted(old)[rank - 1] * factor
    slower = sum(seconds > limit for seconds in new)
    chance = share_of(slower, len(new), 1 - _P95)
    told = f"{slower} of {len(new)} answers took longer than {1000 * limit:.0f} ms ({factor:g} times p95 of before)"
    return Compared("fail" if chance < alpha else "pass", f"{told}; by chance with p = {chance:.2g}")


def _few(n: int, n_old: int, least: int) -> Compared:
    told = f"too little traffic: {n} answers, before {n_old}, and {least} of each are needed"
    return Compared("inconclusive" if n_old >= least else "not applicable", told)


def _fisher(bad: int, n: int, bad_old: int, n_old: int) -> float:
    """The probability of so many of all the bad answers among the new ones, or of more, when both are alike."""
    total, all_bad = n + n_old, bad + bad_old
    most = min(n, all_bad)
    whole = _choose(total, n)
    tail = sum(
        exp(_choose(all_bad, k) + _choose(total - all_bad, n - k) - whole)
        for k in range(bad, most + 1)
        if n - k <= total - all_bad
    )
    return min(1.0, tail)


def share_of(bad: int, n: int, share: float) -> float:
    """The probability of ``bad`` or more among ``n``, when each is bad with probability ``share``."""
    if bad <= 0:
        return 1.0
    terms = (exp(_choose(n, k) + k * log(share) + (n - k) * log1p(-share)) for k in range(bad, n + 1))
    return min(1.0, sum(terms))


def _choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
