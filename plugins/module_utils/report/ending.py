"""How the run ended: the runbook's three words, our own, and the state machine of the incident."""

from __future__ import annotations

from dataclasses import dataclass

from ..incident import SEVERITIES, SEVERITY_BY_TRIGGER
from ..outcome import (
    CANCELLED,
    CHANGES,
    DECLINED,
    DONE,
    FAILED,
    INVALID,
    NOT_PROVED,
    PARTIAL,
    REFUSED,
    RESTORED,
)
from .facts import Event, Facts
from .incident import Entry

__all__ = ["COMPLETED", "Ending", "ending_of", "is_recovery", "proof_of", "severity_of", "states_of"]

COMPLETED, IN_PROGRESS, NOT_DONE = "COMPLETED", "IN-PROGRESS", "FAILED"
_WORDS = {
    PARTIAL: "PARTIAL",
    FAILED: "FAILED",
    INVALID: "MOVED, NOT WORKING",
    RESTORED: "OLD SET RESTORED",
    REFUSED: "REFUSED",
    DECLINED: "NOT BEGUN",
    CANCELLED: "CANCELLED",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """``status`` is the runbook's word, ``word`` ours; ``over`` says that the service is back, whole and proved."""

    status: str
    word: str
    sentence: str
    over: bool
    finished: bool
    code: int | None
    next: str


def ending_of(facts: Facts, environment: str) -> Ending:
    """What the last word of the run was. A run that was killed has none."""
    end = facts.end
    again = f"ansible-playbook {'recovery' if is_recovery(facts) else 'rollback'}.yml -i {environment}"
    if not end:
        return _without_a_word(facts, again)
    code, message, after = end.get("exit_code"), str(end.get("message", "")), str(end.get("next", ""))
    if code == NOT_PROVED:
        # Everything is where it should be; the incident stays open, because nothing shows that it works.
        return Ending(COMPLETED, "NOT PROVED", message, False, True, code, after)
    if code != DONE:
        word = _WORDS.get(code, "FAILED") if isinstance(code, int) else "FAILED"
        return Ending(NOT_DONE, word, message, False, True, code, after)
    if is_recovery(facts):
        # It does one thing that was asked for, and looks at nothing else.
        return Ending(COMPLETED, "STEP TAKEN", message, False, True, code, after)
    if facts.stage("plan").get("check_mode"):
        return Ending(NOT_DONE, "ONLY A CHECK", message, False, True, code, after)
    plan = facts.last("plan")
    if facts.stage("databases.undo") and not plan:
        return Ending(COMPLETED, "UNDONE", message, False, True, code, after)
    moved = bool(plan.get("changes")) or bool(facts.all("database.moved", "database.undo"))
    whole = not plan.get("left_out")
    word = ("DONE" if whole else "DONE IN PART") if moved else "NOTHING TO DO"
    return Ending(COMPLETED, word, message, whole, True, code, after)


def proof_of(facts: Facts) -> Event:
    """The word of the run that all was checked and works; empty when there is none.

    Stages go on with a validation, and each says so anew: the last one counts, but for a watch, which comes after it.
    """
    found: Event = {}
    for event in facts.events:
        if event["event"] == "stage.start" and event.get("stage") == "watch" and found:
            break
        if event["event"] == "outcome":
            found = event if event.get("exit_code") == DONE else {}
    return found


def is_recovery(facts: Facts) -> bool:
    """Whether the run is one of ``recovery.yml``: a single step where a rollback did not help."""
    return bool(facts.first("run.start").get("playbook") == "recovery")


def _without_a_word(facts: Facts, again: str) -> Ending:
    changed = any(facts.all(*CHANGES))
    if facts.all("run.closed"):
        what = "the run broke off" + (
            " while it was changing something" if changed else ", and nothing was changed"
        )
        return Ending(NOT_DONE, "BROKE OFF", what, False, True, None, again)
    where = f" in the stage {facts.unfinished_stage}" if facts.unfinished_stage else ""
    what = f"the journal ends{where} without a verdict: the run is still under way, or it was killed"
    if changed:
        what += "; it had begun to change something"
    return Ending(IN_PROGRESS, "UNFINISHED", what, False, False, None, f"{again}  (goes on from here)")


def severity_of(facts: Facts, *, drill: bool) -> str:
    """As it was said, or else by what triggered the run. A drill hits nobody."""
    said = str(facts.said("severity") or "").upper()
    if said in SEVERITIES:
        return said
    return "LOW" if drill else SEVERITY_BY_TRIGGER.get(str(facts.said("trigger") or ""), "CRITICAL")


def states_of(facts: Facts, ending: Ending) -> tuple[Entry, ...]:
    """INVESTIGATING from the start, MITIGATING from the stored goal or the first change, RESOLVED when it is over.

    What was resolved is MITIGATING again when a later word of the run takes that back, as a watch may.
    """
    states: list[Entry] = []

    def enter(name: str, event: dict[str, object], tone: str) -> None:
        states.append(Entry(str(event.get("time", "")), _seconds(event.get("elapsed")), name, tone))

    if facts.events:
        enter("INVESTIGATING", facts.events[0], "bad")
    begun = facts.first("goal", "dns.changed", "route", *CHANGES) or facts.stage("databases.undo")
    if begun:
        enter("MITIGATING", begun, "warn")
    plan = facts.last("plan")
    whole = plan and not plan.get("left_out") and not facts.stage("plan").get("check_mode")
    proof = proof_of(facts)
    if proof and whole:
        enter("RESOLVED", proof, "good")
        if facts.end.get("exit_code") != DONE:
            enter("MITIGATING", facts.end, "bad")
    return tuple(states)


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
