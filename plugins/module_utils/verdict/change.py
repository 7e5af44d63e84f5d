"""A service that is watched: whether it gets worse, at any time, with a stated rate of false alarms.

The test of ``sequential.py`` asks what a service is, and a long good time would count against a fault that begins
now. Here the sum of the log likelihood ratio never falls below 0 (Page's CUSUM, 1954), so that what was good before
is forgotten. It is the largest ratio over all moments at which a change could have begun. For each of these moments
the ratio is a test martingale, which reaches ``horizon / alpha`` with probability ``alpha / horizon`` at most (Ville);
so in ``horizon`` answers a good service (``p0`` or better) raises an alarm with probability ``alpha`` at most, however
often one looks. That bound is generous: simulated, false alarms are much rarer (docs/watch.md).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from typing import Any, Literal

from .bounds import lower, upper
from .sequential import Finding, Hypotheses, percent
from .service import InOrder, Latency

__all__ = ["Change", "Measured", "Watched"]

_KEPT = 4000
_SHOWN = 5


class Change:
    """Feed answers one by one; an alarm is final."""

    def __init__(self, hypotheses: Hypotheses, horizon: float) -> None:
        self.n = self.bad = 0
        self.decision: Literal["fail"] | None = None
        self._hypotheses = hypotheses
        self._of_bad = log(hypotheses.p1 / hypotheses.p0)
        self._of_good = log((1 - hypotheses.p1) / (1 - hypotheses.p0))
        self._alarm = log(max(1.0, horizon) / hypotheses.alpha)
        self._sum = 0.0

    def observe(self, bad: bool) -> None:
        """One more answer."""
        self.n += 1
        self.bad += bad
        self._sum = max(0.0, self._sum + (self._of_bad if bad else self._of_good))
        if self._sum >= self._alarm:
            self.decision = "fail"

    def finding(self) -> Finding:
        """Fail after an alarm; pass when the rate is proved to be below the bad one; inconclusive otherwise."""
        wanted = self._hypotheses
        bounds = (lower(self.bad, self.n, wanted.confidence), upper(self.bad, self.n, wanted.confidence))
        verdict = self.decision or ("pass" if self.n and bounds[1] < wanted.p1 else "inconclusive")
        method = (
            f"CUSUM of {percent(wanted.p0)} against {percent(wanted.p1)}, "
            f"a false alarm in {wanted.alpha:g} of the watches at most; exact binomial bounds"
        )
        return Finding(verdict, self.n, self.bad, bounds, wanted.confidence, method)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured of one version: answers and bad ones, and the newest times in seconds."""

    n: int
    bad: int
    seconds: tuple[float, ...]


class Watched:
    """One component: errors and late answers. ``horizon`` is how many answers are expected in all."""

    def __init__(self, errors: Hypotheses, late: Hypotheses, horizon: float) -> None:
        self.errors = InOrder(Change(errors, horizon))
        self.late = InOrder(Change(late, horizon))
        self._confidence = late.confidence
        self._seconds: deque[float] = deque(maxlen=_KEPT)
        self._problems: Counter[str] = Counter()
        self._late: set[int] = set()

    def asked(self, number: int) -> None:
        self.errors.asked(number)
        self.late.asked(number)

    def is_late(self, number: int) -> None:
        """The time for an answer is over, and none is there."""
        if number not in self._late:
            self._late.add(number)
            self._seconds.append(float("inf"))
        self.late.known(number, True)

    def answered(self, number: int, seconds: float | None, problems: Iterable[str]) -> None:
        """``seconds`` is ``None`` when no answer came, or none that could be timed."""
        first = next(iter(problems), None)
        if first is not None:
            self._problems[first] += 1
        self.errors.known(number, first is not None)
        if seconds is not None and number not in self._late:
            self._seconds.append(seconds)
        self._late.discard(number)
        self.late.known(number, None if seconds is None else False)

    def forget(self) -> None:
        """What has no answer yet will get none."""
        self.errors.forget()
        self.late.forget()
        self._late.clear()

    @property
    def failed(self) -> str | None:
        """The check that raised an alarm."""
        for name, one in (("error rate", self.errors), ("latency", self.late)):
            if one.test.decision == "fail":
                return name
        return None

    @property
    def findings(self) -> dict[str, Finding]:
        return {"error rate": self.errors.test.finding(), "latency": self.late.test.finding()}

    @property
    def measured(self) -> Measured:
        return Measured(self.errors.test.n, self.errors.test.bad, tuple(self._seconds))

    def latency(self) -> Latency:
        """Of the newest answers."""
        return Latency.of(self._seconds, self._confidence)

    @property
    def problems(self) -> list[str]:
        """What was wrong most often, and how often."""
        most = self._problems.most_common(_SHOWN)
        return [f"{text} ({'once' if count == 1 else f'{count} times'})" for text, count in most]

    def as_dict(self) -> dict[str, Any]:
        """For the journal: how it stands."""
        latency = self.latency().as_dict()
        n, bad, late = self.errors.test.n, self.errors.test.bad, self.late.test.bad
        return {"n": n, "bad": bad, "late": late, "p95": latency["p95"]}
