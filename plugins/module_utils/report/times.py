"""Durations: phases of the run, the derived times, and the budgets of the runbook against what it took.

A budget is kept or broken only where something shows it. An outage is at least as long as the run's part of it, which
may show that a budget is broken; that one is kept, the time since the newest deployment of what was left may show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..outcome import DONE, INVALID, NOT_PROVED
from .ending import Ending, proof_of
from .facts import Facts, iso, moment
from .incident import Budget, Component, Measure, Phase

__all__ = ["IN_SERVICE", "PROOF", "Moments", "budgets_of", "measures_of", "moments_of", "phases_of"]

PROOF = "Command to proof"
IN_SERVICE = "In service before"


@dataclass(frozen=True, slots=True)
class Moments:
    """``deployed`` is when what was left was deployed: of its components the first, and of each the newest time."""

    deployed: datetime | None
    detected: datetime | None
    initiated: datetime | None
    completed: datetime | None
    restored: datetime | None
    last: datetime | None


def moments_of(facts: Facts, components: tuple[Component, ...], ending: Ending) -> Moments:
    """The four moments of the runbook's timeline, and two more to reckon with."""
    moving = {item.name for item in components if item.state != "already"}
    seen = [
        moment(move.get("seen"))
        for move in facts.last("plan").get("moves") or []
        if move.get("component") in moving
    ]
    known = [each for each in seen if each is not None]
    # A watch may have gone on for days before there was anything to do.
    begin = (
        facts.first("watch.regression")
        or facts.first("run.start")
        or (facts.events[0] if facts.events else {})
    )
    return Moments(
        min(known, default=None),
        moment(facts.said("detected")),
        moment(begin.get("time")),
        _completed(facts, components, ending),
        _restored(facts, ending),
        # A journal may be closed, or get its receipts, long after the run was over.
        moment((facts.end or facts.events[-1]).get("time")),
    )


def _completed(facts: Facts, components: tuple[Component, ...], ending: Ending) -> datetime | None:
    moved = [item for item in components if item.state != "already"]
    if any(item.state != "moved" for item in moved):
        return None
    if ending.code not in (DONE, INVALID, NOT_PROVED):
        return None
    last = facts.last("switch.end", "database.moved", "database.undo")
    return moment(last.get("time")) if last else None


def _restored(facts: Facts, ending: Ending) -> datetime | None:
    """When the proof was complete: from then on it is known, and not only likely, that users are served."""
    if ending.code != DONE or not any(event.get("ok") for event in facts.all("stage.end", stage="validate")):
        return None
    return moment(proof_of(facts).get("time"))


def phases_of(facts: Facts) -> tuple[Phase, ...]:
    """The stages, in the order of their beginning; one that did not end goes on to the last event."""
    last = max((_number(event.get("elapsed")) for event in facts.events), default=0.0)
    phases: list[Phase] = []
    open_: list[tuple[str, float]] = []
    for event in facts.events:
        if event["event"] == "stage.start":
            open_.append((str(event.get("stage", "")), _number(event.get("elapsed"))))
        elif event["event"] == "stage.end" and open_:
            name, begins = open_.pop()
            phases.append(Phase(name, begins, _number(event.get("elapsed")), bool(event.get("ok"))))
    phases += [Phase(name, begins, last, None) for name, begins in open_]
    return tuple(sorted(phases, key=lambda phase: phase.begins))


def measures_of(at: Moments) -> tuple[Measure, ...]:
    """Detection, mitigation and restoration, each with what it counts from."""
    since, from_ = (at.detected, "detection") if at.detected else (at.initiated, "the command")
    unknown = "" if at.detected else "; nobody said when it was detected, so it took longer than this"
    return (
        _time_to_detect(at),
        Measure(
            "Time to mitigate", _between(since, at.completed), f"from {from_} until all had moved{unknown}"
        ),
        Measure("Time to restore", _between(since, at.restored), f"from {from_} to the proof{unknown}"),
        Measure(PROOF, _between(at.initiated, at.restored), "until all was checked, and works"),
        Measure(
            IN_SERVICE, _between(at.deployed, at.completed), "from its newest deployment until all had moved"
        ),
    )


def _time_to_detect(at: Moments) -> Measure:
    name = "Time to detect"
    if at.detected is None:
        return Measure(name, None, "nobody said when it was detected")
    if at.deployed is None or at.deployed > at.detected:
        return Measure(name, None, "it was detected before the newest deployment of what was left")
    return Measure(
        name, _between(at.deployed, at.detected), "from the deployment of what was left to detection"
    )


def budgets_of(at: Moments, facts: Facts) -> tuple[Budget, ...]:
    """S2, S124, S125 and S126, planned against actual."""
    running = _between(at.initiated, at.last)
    since = at.detected or at.initiated
    earliest = min((each for each in (at.deployed, at.detected) if each), default=None)
    return (
        _budget("S2", "Quick rollback", 120, at.initiated, at.initiated, at.restored, running),
        _budget("S124", "Rolled back", 300, since, at.detected, at.completed, running),
        _budget("S125", "Total downtime", 600, since, earliest, at.restored, running),
        _full_validation(facts),
    )


_COUNTED = {
    "S2": "from the command to the proof",
    "S124": "from detection until all had moved",
    "S125": "from the newest deployment of what was left, or its detection, to the proof",
}


def _budget(
    row: str,
    name: str,
    limit: float,
    surely: datetime | None,
    earliest: datetime | None,
    end: datetime | None,
    running: float | None,
) -> Budget:
    """``surely`` to ``end`` is the least it took; ``earliest`` to ``end`` is what shows that it is kept."""
    least, most, counted = _between(surely, end), _between(earliest, end), _COUNTED[row]
    if end is None:
        passed = "" if running is None else f"; {running:.1f} s had passed at the last event"
        verdict = "broken" if running is not None and running > limit else "not known"
        return Budget(row, name, limit, running, verdict, f"{counted}: it did not come to its end{passed}")
    if least is not None and least > limit:
        return Budget(
            row, name, limit, least, "broken", counted if least == most else f"{counted}: at least this"
        )
    if most is not None:
        return Budget(row, name, limit, most, "kept" if most <= limit else "not known", counted)
    return Budget(
        row, name, limit, least, "not known", f"{counted}: at least this; nobody said when that was"
    )


def _full_validation(facts: Facts) -> Budget:
    name, limit = "Full validation", 1800.0
    begins = [event for event in facts.all("stage.start") if event.get("stage") == "validate"]
    ends = [event for event in facts.all("stage.end") if event.get("stage") == "rates"]
    if not begins or not ends:
        return Budget("S126", name, limit, None, "not done", "this run made the quick validation only")
    took = round(_number(ends[-1].get("elapsed")) - _number(begins[0].get("elapsed")), 3)
    verdict = "kept" if took <= limit else "broken"
    return Budget(
        "S126", name, limit, took, verdict, "from the first health check to the last verdict on rates"
    )


def _between(begin: datetime | None, end: datetime | None) -> float | None:
    if begin is None or end is None:
        return None
    # Two clocks may disagree by a moment; nothing ends before it began.
    return round(max(0.0, (end - begin).total_seconds()), 3)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def text_of(when: datetime | None) -> str | None:
    """A moment as the report writes it."""
    return iso(when) if when else None
