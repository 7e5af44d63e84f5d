"""What a run's journal has to say to people. Pure: the same events give the same news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..database.words import loss_in_words
from ..outcome import (
    CANCELLED,
    DECLINED,
    DONE,
    FAILED,
    INVALID,
    NOT_PROVED,
    PARTIAL,
    REFUSED,
    RESTORED,
)

__all__ = ["ENDS", "FAILURES", "News", "Teller"]

Event = Mapping[str, Any]

# The ends after which the users are not back on a release that works, whoever has to act next.
FAILURES = ("partial", "failed", "invalid", "restored", "broke_off")
_ENDS = {
    REFUSED: "refused",
    PARTIAL: "partial",
    FAILED: "failed",
    INVALID: "invalid",
    NOT_PROVED: "not_proved",
    RESTORED: "restored",
    DECLINED: "declined",
    CANCELLED: "cancelled",
}


# What a step of recovery does, and what its state=off does.
_STEPS: dict[str, str | tuple[str, str]] = {
    "maintenance": (
        "users get the maintenance page instead of the application",
        "users get the application again instead of the maintenance page",
    ),
    "failover": ("DNS leads users to the other place", "DNS leads users back from the other place"),
    "database": "databases go back to a backup or to an earlier moment",
    "configuration": "routes and crons become what was recorded with the release",
    "escalate": "everybody of the contact chain is called",
}

# After each of these the run is over.
ENDS = (*_ENDS.values(), "resolved", "in_part", "done", "broke_off")


@dataclass(frozen=True)
class News:
    """``kind`` names the text, ``detail`` tells apart what can happen twice; ``facts`` are for the text."""

    kind: str
    time: str
    facts: dict[str, Any]
    detail: str = ""


def _nothing_yet() -> dict[str, Any]:
    """What a text may ask for at any time: a run can end before there is a plan."""
    run = {"release": "", "live_release": "", "left_out": [], "why": "", "components": 0}
    return {**run, "step": "", "doing": ""}


def _step(event: Event) -> dict[str, str]:
    """The step of recovery that the run is; empty for a rollback."""
    step, state = event.get("step") or "", event.get("state") or "on"
    doing = _STEPS.get(step, "")
    if isinstance(doing, tuple):
        doing = doing[state == "off"]
        step = f"{step}, state={state}" if state == "off" else step
    return {"step": step, "doing": doing}


@dataclass
class Teller:
    """Takes a run's events in their order, and gives what there is to say after each of them.

    A run that opened no incident (a check, a status) has nothing to say.
    """

    run: str
    environment: str
    _known: dict[str, Any] = field(default_factory=_nothing_yet)
    _planned: bool = False
    _moved: int = 0
    _over: bool = False

    @property
    def opened(self) -> bool:
        """Whether the run opened an incident, so that somebody has to hear how it went."""
        return "incident" in self._known

    @property
    def incident(self) -> str:
        """The id of the incident; that of the run, until the run has said it."""
        return str(self._known.get("incident", self.run))

    @property
    def drill(self) -> bool:
        return bool(self._known.get("drill"))

    def feed(self, event: Event) -> list[News]:
        """The news after one more event."""
        kind = event["event"]
        if kind == "incident.opened":
            told = ("incident", "severity", "trigger", "source", "detected", "reason", "drill", "commander")
            self._known |= {name: event.get(name) or "" for name in told}
            self._known |= _step(event)
            return [self._news("opened", event)]
        if not self.opened:
            return []
        if kind == "plan":
            self._planned = True
            names = ("release", "live_release", "left_out")
            self._known |= {name: event[name] for name in names if event.get(name)}
            self._known |= {"why": event.get("reason") or "", "components": len(event.get("moves") or [])}
        elif kind == "goal":
            return [self._news("mitigating", event, hash=event.get("hash"))]
        elif kind == "switch.end" and event.get("state") == "moved":
            self._moved += 1
        elif kind == "stage.end" and event.get("stage") == "switch" and event.get("ok") and self._moved:
            return [self._news("switched", event, moved=self._moved)]
        elif kind == "database.moved" and event.get("losses"):
            return [self._loss(event)]
        elif kind == "frozen":
            return [self._news("frozen", event, paused=event.get("paused") or [])]
        elif kind == "outcome":
            return [self._end(event)]
        return []

    def broke_off(self, time: str) -> list[News]:
        """What is to be said when the command is gone: nothing, when the run had told how it ended."""
        return (
            []
            if self._over or not self.opened
            else [self._news("broke_off", {"time": time, "elapsed": None})]
        )

    def acknowledged(self, by: str, time: str) -> News:
        """Somebody has taken it on."""
        return self._news("acknowledged", {"time": time, "elapsed": None}, by=by)

    def calls(self, contact: Mapping[str, Any], why: str, time: str) -> News:
        """Somebody of the contact chain is called."""
        event = {"time": time, "elapsed": None}
        return self._news("escalation", event, detail=str(contact["level"]), contact=contact, because=why)

    def _loss(self, event: Event) -> News:
        lines = [loss_in_words(loss) for loss in event["losses"]]
        database = str(event.get("database", ""))
        kept = event.get("kept") or []
        return self._news("data_loss", event, detail=database, database=database, losses=lines, kept=kept)

    def _end(self, event: Event) -> News:
        self._over = True
        code = event.get("exit_code")
        if code == DONE:
            kind = "done" if not self._planned else "in_part" if self._known.get("left_out") else "resolved"
        else:
            kind = _ENDS.get(code, "failed") if isinstance(code, int) else "failed"
        message, next_, details = (event.get(name) or "" for name in ("message", "next", "details"))
        # What was noted elsewhere shows whether the journal was written anew: who sends knows the hash of the record.
        record, head = event.get("seq") or "", event.get("hash") or ""
        return self._news(kind, event, message=message, next=next_, details=details, record=record, head=head)

    def _news(self, kind: str, event: Event, detail: str = "", **facts: Any) -> News:
        common = {"run": self.run, "environment": self.environment, "elapsed": event.get("elapsed")}
        return News(kind, str(event.get("time", "")), {**self._known, **common, **facts}, detail)
