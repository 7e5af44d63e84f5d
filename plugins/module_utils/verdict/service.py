"""What many answers say of one service, and of all together.

Answers are judged in the order in which they were asked for. In the order in which they come a service whose every
tenth answer takes three seconds would pass: the fast ones are there long before the first slow one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Generic, Protocol, TypeVar

from .bounds import quantile_rank
from .sequential import Finding, Hypotheses, Sequential

__all__ = ["InOrder", "Latency", "Service", "Total"]

T = TypeVar("T", bound="Test")
_P95 = 0.95
_SHOWN = 5


class Test(Protocol):
    """Takes answers one by one."""

    def observe(self, bad: bool) -> object: ...


class InOrder(Generic[T]):
    """Feeds a test in the order of asking, whatever the order of the answers."""

    def __init__(self, test: T) -> None:
        self.test = test
        self._waiting: deque[int] = deque()
        self._open: set[int] = set()
        self._known: dict[int, bool | None] = {}

    def asked(self, number: int) -> None:
        """A request was sent; numbers are unique."""
        self._waiting.append(number)
        self._open.add(number)

    def known(self, number: int, bad: bool | None) -> None:
        """What became of it; ``None``: it says nothing. What is told first counts."""
        if number not in self._open:
            return
        self._open.remove(number)
        self._known[number] = bad
        while self._waiting and self._waiting[0] in self._known:
            told = self._known.pop(self._waiting.popleft())
            if told is not None:
                self.test.observe(told)

    def forget(self) -> None:
        """What has no answer yet will get none, and says nothing."""
        for number in sorted(self._open):
            self.known(number, None)


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds of ``n`` answers; ``inf`` for one that had not come. p95 does not exceed ``bound``; ``None``: too few."""

    n: int
    p50: float | None
    p95: float | None
    longest: float | None
    bound: float | None

    @classmethod
    def of(cls, seconds: Iterable[float], confidence: float) -> Latency:
        """In any order."""
        sorted_ = sorted(seconds)
        n = len(sorted_)
        if not n:
            return cls(0, None, None, None, None)
        rank = quantile_rank(n, _P95, confidence)
        return cls(
            n,
            sorted_[ceil(n / 2) - 1],
            sorted_[ceil(n * _P95) - 1],
            sorted_[-1],
            None if rank is None else sorted_[rank - 1],
        )

    def as_dict(self) -> dict[str, float | None]:
        """Seconds; ``None`` for what is not known."""
        named = {"p50": self.p50, "p95": self.p95, "max": self.longest, "p95_bound": self.bound}
        return {
            name: None if value is None or value == inf else round(value, 4) for name, value in named.items()
        }


class Service:
    """Two tests: whether answers keep the contract, and whether they come in time.

    The first ``warm_up`` requests are not timed, because a cold start is slow. They count for errors, because an
    error is one.
    """

    def __init__(self, errors: Hypotheses, late: Hypotheses, *, warm_up: int) -> None:
        self._errors, self._late = InOrder(Sequential(errors)), InOrder(Sequential(late))
        self._warm_up = warm_up
        self._first: int | None = None
        self._asked = 0
        self._cold: set[int] = set()
        self.seconds: dict[int, float] = {}
        self._problems: Counter[str] = Counter()

    def asked(self, number: int) -> None:
        """A request was sent."""
        self._asked += 1
        self._errors.asked(number)
        if self._asked <= self._warm_up:
            self._cold.add(number)
        else:
            self._late.asked(number)

    def is_late(self, number: int) -> None:
        """The time for an answer is over, and none is there: it is late, whatever it will be."""
        if number not in self._cold:
            self.seconds[number] = inf
            self._late.known(number, True)

    def answered(self, number: int, seconds: float | None, problems: Iterable[str]) -> None:
        """``seconds`` is ``None`` when no answer came, or none that could be timed. Being late is no problem here."""
        first = next(iter(problems), None)
        if first is not None:
            self._problems[first] += 1
        self._errors.known(number, first is not None)
        if number in self._cold:
            return
        if seconds is not None:
            self.seconds[number] = seconds
        self._late.known(number, None if seconds is None else False)

    @property
    def problems(self) -> list[str]:
        """What was wrong most often, and how often."""
        most = self._problems.most_common(_SHOWN)
        return [f"{text} ({'once' if count == 1 else f'{count} times'})" for text, count in most]

    @property
    def verdict(self) -> str | None:
        """Pass or fail, once it is decided."""
        both = {self._errors.test.decision, self._late.test.decision}
        return "fail" if "fail" in both else None if None in both else "pass"

    @property
    def findings(self) -> Mapping[str, Finding]:
        return {"error rate": self._errors.test.finding(), "latency": self._late.test.finding()}

    def latency(self, confidence: float) -> Latency:
        return Latency.of(self.seconds.values(), confidence)


class Total:
    """The error rate of all services, for as long as each is asked alike."""

    def __init__(self, errors: Hypotheses) -> None:
        self._answers = InOrder(Sequential(errors))
        self._ended = False

    def asked(self, number: int) -> None:
        if not self._ended:
            self._answers.asked(number)

    def answered(self, number: int, *, bad: bool) -> None:
        if not self._ended:
            self._answers.known(number, bad)

    def end(self) -> None:
        """A service that failed is not asked any more, and the others alone would look better than the whole."""
        self._ended = True

    @property
    def verdict(self) -> str | None:
        return self._answers.test.decision or ("inconclusive" if self._ended else None)

    @property
    def finding(self) -> Finding:
        return self._answers.test.finding()
