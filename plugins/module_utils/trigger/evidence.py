"""What is asked when somebody says what a rollback is about, and what the answers mean for going back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ASKED",
    "COMPONENT",
    "DATABASE",
    "PARTY",
    "PROTECTION",
    "SIGNAL",
    "Evidence",
    "Finding",
    "findings",
    "floor_of",
]

COMPONENT, PROTECTION = "component", "protection"
DATABASE, PARTY, SIGNAL = "database", "third party", "signal"

ASKED: Mapping[str, tuple[str, ...]] = {
    "person": (),
    "deploy": (),
    "health": (COMPONENT, DATABASE, PARTY),
    "performance": (COMPONENT, DATABASE, PARTY, SIGNAL),
    "errors": (COMPONENT, SIGNAL),
    "database": (COMPONENT, DATABASE),
    "payments": (COMPONENT, PARTY, SIGNAL),
    "security": (PROTECTION,),
}
"""What is asked for each trigger. A person who says nothing, and a deploy that failed, say nothing that could be."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An answer. ``about`` is what was asked, ``verdict`` pass, fail or inconclusive (it could not be asked: why).

    ``away`` says of a database that nobody is there. ``figures`` are a signal's.
    """

    about: str
    subject: str
    check: str
    verdict: str
    detail: str
    away: bool = False
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fields of the event ``trigger.evidence``."""
        told = {"about": self.about, "component": self.subject, "check": self.check, "verdict": self.verdict}
        return {**told, "detail": self.detail, "away": self.away or None, **self.figures}


@dataclass(frozen=True, slots=True)
class Finding:
    """What follows, in a sentence. ``helps``: whether going back would, as far as this says: no, maybe, unknown."""

    says: str
    helps: str

    def as_dict(self) -> dict[str, Any]:
        """The fields of the event ``trigger.finding``."""
        return {"says": self.says, "helps": self.helps}


def findings(
    trigger: str, about: Sequence[str], evidence: Iterable[Evidence], moves: Sequence[Mapping[str, Any]] = ()
) -> list[Finding]:
    """What the answers mean, for those kinds of ``about`` that the trigger asks for.

    ``moves`` are those of the plan, to tell what serves from the target; without one it is not told.
    """
    told = list(evidence)
    found: list[Finding] = []
    for kind in about:
        if kind in ASKED[trigger]:
            found += _OF[kind](trigger, [item for item in told if item.about == kind], moves)
    return found


def floor_of(release: str) -> Finding:
    """What keeps the hole from coming back: the floor of the plan, which may be empty."""
    if release:
        return Finding(f"the target is not older than {release}", "maybe")
    why = "no floor is set (not_older_than, security_floor), so the target may have the same hole"
    return Finding(why, "unknown")


def _databases(trigger: str, told: list[Evidence], moves: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for item in told:
        if item.away:
            yield Finding(f"{item.subject} does not answer, and older code would not reach it either", "no")
        elif item.verdict == "fail":
            yield Finding(
                f"{item.subject} is up and lets nobody in from here ({item.detail}): a rollback helps if what serves "
                "takes up its connections",
                "maybe",
            )
        elif item.verdict == "inconclusive":
            yield Finding(f"it is not known whether {item.subject} is down", "unknown")
    if trigger != "database":
        return
    if not told:
        yield Finding(
            "no database is part of this run (groups d1 and postgres), so none was asked", "unknown"
        )
    elif all(item.verdict == "pass" for item in told):
        yield Finding(
            f"{_names(told)} answers from here: it is what serves, or its way there, that lost it",
            "maybe",
        )


def _parties(trigger: str, told: list[Evidence], moves: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for item in told:
        if item.verdict == "fail":
            yield Finding(
                f"{item.subject} is not well as seen from here, which is not ours to roll back", "no"
            )
        elif item.verdict == "inconclusive":
            yield Finding(f"it is not known whether {item.subject} is down", "unknown")
    if trigger != "payments":
        return
    if not told:
        why = (
            "no third party is declared (third_parties): an outage there cannot be told from a fault of ours"
        )
        yield Finding(why, "unknown")
    elif all(item.verdict == "pass" for item in told):
        yield Finding(f"{_names(told)} is well as seen from here: the fault is more likely ours", "maybe")


def _signals(trigger: str, told: list[Evidence], moves: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    if not told and trigger == "errors":
        yield Finding("nothing that counts errors is declared (signals), so none were counted", "unknown")
    counts = {item.subject: item.figures["versions"] for item in told if item.figures.get("versions")}
    for move in moves:
        versions = counts.get(str(move["component"]), {})
        live = [str(id_) for id_, share in move["live"] if share]
        if move["method"] == "none" or len(live) != 1 or live[0] not in versions:
            continue
        now, then = versions[live[0]], versions.get(str(move["to_id"]))
        says = f"{move['component']}: {_share(now)} to {move['from_label']}, which serves, failed; "
        says += f"{_share(then)} to {move['to_label']}" if then else f"none to {move['to_label']} was counted"
        more = now[1] > 0 and (then is None or now[1] * then[0] > then[1] * now[0])
        yield Finding(says, "maybe" if more else "unknown")


def _components(trigger: str, told: list[Evidence], moves: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    bad = [item for item in told if item.verdict == "fail"]
    if bad:
        names = ", ".join(item.subject for item in bad)
        yield Finding(
            f"{len(bad)} of {len(told)} components did not keep their health contract: {names}", "maybe"
        )
    elif trigger in ("health", "performance") and told and all(item.verdict == "pass" for item in told):
        yield Finding(
            "every component kept its health contract as seen from here: what users meet may be on the way to it",
            "unknown",
        )


def _protection(trigger: str, told: list[Evidence], moves: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for item in told:
        if item.verdict == "fail":
            yield Finding(f"{item.subject} is less protected: {item.detail}", "maybe")


_OF = {
    COMPONENT: _components,
    DATABASE: _databases,
    PARTY: _parties,
    SIGNAL: _signals,
    PROTECTION: _protection,
}


def _names(told: Iterable[Evidence]) -> str:
    return ", ".join(item.subject for item in told)


def _share(count: Sequence[int]) -> str:
    return f"{count[1]} of {count[0]} requests"
