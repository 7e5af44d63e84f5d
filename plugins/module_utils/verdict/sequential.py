"""A proportion against a limit, one answer at a time, with stated error (Wald's sequential probability ratio test).

The logarithm of the likelihood ratio of ``p1`` to ``p0`` is followed until it leaves the band between ln(1/alpha) and
ln(beta): by Ville's inequality a service at ``p0`` or better fails with probability alpha at most, and one at ``p1`` or
worse passes with probability beta at most, however often one looks and whenever one stops. Wald's own edges, which
differ in the fourth digit, are approximations. Between ``p0`` and ``p1`` either may come out, or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, Literal

from .bounds import lower, needed, upper

__all__ = ["Finding", "Hypotheses", "Sequential", "percent"]

Decision = Literal["pass", "fail"]


@dataclass(frozen=True, slots=True)
class Hypotheses:
    """All are proportions. Good is ``p0`` or less, bad is ``p1`` or more.

    A pass also needs the exact upper bound, at ``confidence``, to be below ``limit``: the sentence that it stands for.
    """

    limit: float
    p0: float
    p1: float
    alpha: float = 0.001
    beta: float = 0.001
    confidence: float = 0.95

    def problems(self) -> list[str]:
        """What is wrong with them, in words."""
        found = [
            f"{name} must be between 0 and 1"
            for name in ("limit", "p0", "p1", "alpha", "beta", "confidence")
            if not 0 < getattr(self, name) < 1
        ]
        if not found and not self.p0 < self.limit <= self.p1:
            found.append("limit must be above p0 (good), and not above p1 (bad)")
        return found


@dataclass(frozen=True, slots=True)
class Finding:
    """Pass, fail or inconclusive, with what is behind it. ``interval``: lower and upper bound, each one-sided."""

    verdict: str
    n: int
    bad: int
    interval: tuple[float, float]
    confidence: float
    method: str

    @property
    def words(self) -> str:
        """For example ``0 of 455 are bad: at most 0.656 %, at 95 %``."""
        few, many = self.interval
        sure = f"at {percent(self.confidence)}"
        if self.n == 0:
            return "no answer was judged"
        if self.bad == 0:
            return f"0 of {self.n} are bad: at most {percent(many)}, {sure}"
        bounds = f"at least {percent(few)} or at most {percent(many)}, each {sure}"
        return f"{self.bad} of {self.n} are bad ({percent(self.bad / self.n)}): {bounds}"

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "n": self.n,
            "bad": self.bad,
            "interval": [round(bound, 6) for bound in self.interval],
            "confidence": self.confidence,
            "method": self.method,
            "detail": self.words,
        }


class Sequential:
    """Takes answers until it is decided; what comes after that changes nothing."""

    def __init__(self, hypotheses: Hypotheses) -> None:
        if problems := hypotheses.problems():
            raise ValueError("; ".join(problems))
        self.hypotheses = hypotheses
        self.n = self.bad = 0
        self.decision: Decision | None = None
        self._of_bad = log(hypotheses.p1 / hypotheses.p0)
        self._of_good = log((1 - hypotheses.p1) / (1 - hypotheses.p0))
        self._fails, self._passes = log(1 / hypotheses.alpha), log(hypotheses.beta)

    def observe(self, bad: bool) -> Decision | None:
        """One more answer; the decision, once there is one."""
        if self.decision is not None:
            return self.decision
        self.n += 1
        self.bad += bad
        # From the counts, so that no rounding adds up.
        ratio = self.bad * self._of_bad + (self.n - self.bad) * self._of_good
        if ratio >= self._fails:
            self.decision = "fail"
        elif ratio <= self._passes and self._is_proved():
            self.decision = "pass"
        return self.decision

    def finding(self) -> Finding:
        """What is known by now; inconclusive when it is not decided."""
        wanted = self.hypotheses
        bounds = (lower(self.bad, self.n, wanted.confidence), upper(self.bad, self.n, wanted.confidence))
        return Finding(
            self.decision or "inconclusive", self.n, self.bad, bounds, wanted.confidence, _method(wanted)
        )

    def _is_proved(self) -> bool:
        wanted = self.hypotheses
        return self.n >= needed(wanted.limit, wanted.confidence, self.bad)


def percent(share: float) -> str:
    """``0.656 %``, ``95 %``."""
    return f"{100 * share:.3g} %"


def _method(wanted: Hypotheses) -> str:
    wrong = f"{wanted.alpha:g}" if wanted.alpha == wanted.beta else f"{wanted.alpha:g} and {wanted.beta:g}"
    return (
        f"sequential test of {percent(wanted.p0)} against {percent(wanted.p1)}, wrong in {wrong} of the runs; "
        f"exact binomial bounds; limit {percent(wanted.limit)}"
    )
