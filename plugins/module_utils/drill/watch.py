"""What an outside observer makes of the answers: what fails, since when, and whether from everywhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["SLOW", "Round", "Signal", "Watch"]

# How the problem of an answer begins that is right, and late.
SLOW = "took "

# A single bad answer is no signal.
_IN_A_ROW = 2


@dataclass(frozen=True, slots=True)
class Round:
    """One round of questions: what is wrong per component and vantage point, nothing where all is well."""

    began: datetime
    ended: datetime
    problems: Mapping[str, Mapping[str, Sequence[str]]]

    @property
    def all_well(self) -> bool:
        return not any(any(found.values()) for found in self.problems.values())

    def failing(self) -> frozenset[str]:
        """Those that fail from every vantage point."""
        return frozenset(name for name, found in self.problems.items() if found and all(found.values()))

    def split(self) -> frozenset[str]:
        """Those that fail from some vantage points, and not from others."""
        return frozenset(
            name for name, found in self.problems.items() if any(found.values()) and not all(found.values())
        )


@dataclass(frozen=True, slots=True)
class Signal:
    """A component that failed in two rounds, one after the other: since when, when that was known, what was wrong."""

    component: str
    since: datetime
    time: datetime
    problems: tuple[str, ...]
    only_slow: bool = False


@dataclass
class Watch:
    """Takes in rounds. ``signals`` and ``splits`` are kept per component from their first time on."""

    signals: dict[str, Signal] = field(default_factory=dict)
    splits: dict[str, Signal] = field(default_factory=dict)
    requests: int = 0
    failed_requests: int = 0
    well_since: datetime | None = None
    last: Round | None = None
    rounds: int = 0

    def take(self, new: Round) -> None:
        """The next round."""
        self.rounds += 1
        self.requests += sum(len(found) for found in new.problems.values())
        self.failed_requests += sum(bool(each) for found in new.problems.values() for each in found.values())
        if self.last is not None:
            for name in new.failing() & self.last.failing():
                self.signals.setdefault(name, _signal(name, self.last, new))
            for name in new.split() & self.last.split():
                self.splits.setdefault(name, _signal(name, self.last, new))
        if not new.all_well:
            self.well_since = None
        elif self.well_since is None:
            self.well_since = new.ended
        self.last = new

    def outside(self, radius: frozenset[str]) -> list[Signal]:
        """Signals of components that the scenario does not touch; an empty radius is everything.

        To be late only is none: a machine that deploys and asks at once is slow itself.
        """
        if not radius:
            return []
        return [
            signal for name, signal in self.signals.items() if name not in radius and not signal.only_slow
        ]


def _signal(name: str, first: Round, seen: Round) -> Signal:
    found = [(place, text) for place, texts in seen.problems[name].items() for text in texts]
    told = tuple(f"{place}: {text}" for place, text in found)
    return Signal(name, first.began, seen.ended, told, all(text.startswith(SLOW) for _, text in found))
