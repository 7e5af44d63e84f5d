"""A number that somebody else measured, held against its threshold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from string import Template
from typing import Any

__all__ = ["Reading", "Unread", "Window", "filled", "judged"]

Declared = Mapping[str, Any]
"""A source as ``declared.py`` gives it."""


class Unread(Exception):
    """There is no number; why, in words. It is never taken for a good one."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when is asked, both in UTC."""

    begin: datetime
    end: datetime

    @classmethod
    def last(cls, seconds: float) -> Window:
        """The time until now."""
        now = datetime.now(UTC)
        return cls(now - timedelta(seconds=seconds), now)

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()

    @property
    def words(self) -> str:
        return f"{self.begin:%H:%M:%S} to {self.end:%H:%M:%S} UTC"

    @property
    def names(self) -> dict[str, str]:
        """What stands for the window in a query or an address (:func:`filled`)."""
        return {
            "window": str(max(1, round(self.seconds))),
            "from": iso(self.begin),
            "to": iso(self.end),
            "from_ms": str(int(self.begin.timestamp() * 1000)),
            "to_ms": str(int(self.end.timestamp() * 1000)),
        }


@dataclass(frozen=True, slots=True)
class Reading:
    """The result of one check. ``figures`` are what it rests on: ``number``, ``max`` or ``min``, ``window``."""

    component: str
    check: str
    verdict: str
    detail: str
    figures: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fields of the event ``check``."""
        told = {"component": self.component, "check": self.check, "verdict": self.verdict}
        return {**told, "detail": self.detail, **self.figures}


def filled(text: str, names: Mapping[str, str]) -> str:
    """``$window`` and the like put into a query or an address; what is not known stays as it is."""
    return Template(text).safe_substitute(names)


def judged(component: str, declared: Declared, numbers: Mapping[str, float], window: Window) -> Reading:
    """Every number has to keep the threshold; they come by the labels that tell them apart (``""``: there is one).

    No number at all, or one that is none (a share of nothing), says nothing.
    """
    limits = {name: declared[name] for name in ("max", "min") if declared.get(name) is not None}
    figures: dict[str, Any] = {"window": [iso(window.begin), iso(window.end)], **limits}
    known = {label: number for label, number in numbers.items() if number == number}
    if not known:
        why = "no data" if not numbers else "no number: nothing to divide by, it seems"
        return Reading(component, declared["check"], "inconclusive", f"{why} from {window.words}", figures)
    broken = {label: number for label, number in known.items() if not _keeps(number, limits)}
    worst = max(broken or known, key=lambda label: _distance(known[label], limits))
    figures |= {"number": known[worst]}
    if len(known) > 1:
        figures["numbers"] = known
    wanted = " and ".join(
        f"at {'most' if name == 'max' else 'least'} {value:g}" for name, value in limits.items()
    )
    of = f" of {worst}" if worst else ""
    more = f", and {len(known) - 1} more" if len(known) > 1 else ""
    detail = f"{known[worst]:.4g}{of}{more}; {wanted} is allowed; {window.words}"
    if len(known) < len(numbers):
        return Reading(
            component,
            declared["check"],
            "fail" if broken else "inconclusive",
            f"{detail}; some have no number",
            figures,
        )
    return Reading(component, declared["check"], "fail" if broken else "pass", detail, figures)


def _keeps(number: float, limits: Mapping[str, float]) -> bool:
    return limits.get("min", number) <= number <= limits.get("max", number)


def _distance(number: float, limits: Mapping[str, float]) -> float:
    """How near to breaking its threshold, or how far beyond it."""
    beyond = [number - limits["max"]] if "max" in limits else []
    below = [limits["min"] - number] if "min" in limits else []
    return max(beyond + below, default=number)


def iso(moment: datetime) -> str:
    """``2026-11-24T21:30:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
