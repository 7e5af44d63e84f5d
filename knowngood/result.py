"""How a run went: its events, and its result, both read from its journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.journal import CLOSED, read
from ansible.module_utils.outcome import CHANGES, DONE, FAILED

__all__ = ["Check", "Event", "Result", "event_of", "result_of"]

_ABOUT_THE_EVENT = ("seq", "run", "time", "elapsed", "event", "prev", "lost", "monotonic")
BROKE_OFF = "BROKE OFF"
# Ansible's own: an error before the play, a wrong command line or playbook, a person's Ctrl-C, a defect.
_ANSIBLES = {99: "INTERRUPTED"}


@dataclass(frozen=True, slots=True)
class Event:
    """One record of the journal. ``time`` is UTC, ``elapsed`` in seconds since the run began."""

    seq: int
    time: datetime
    elapsed: float
    event: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """The last result of one check: ``pass``, ``fail``, ``inconclusive`` or ``not applicable``."""

    component: str
    check: str
    verdict: str
    detail: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    ``verdict`` and ``exit_code`` are those of docs/exit-codes.md; ``BROKE OFF`` (with 12) is a run that was killed,
    and ``ERROR`` one that Ansible could not begin. ``next`` is the command to give next. ``changed`` says whether the
    run began to change a component or a database, whatever became of it. ``plan`` is what it wanted to do, as
    ``plan.json`` has it, ``status`` what ``status.yml`` found (``release``, ``components``, ``databases``); ``None``
    when the run made none. ``files`` are what it wrote, by name; ``seconds`` is how long it took.
    """

    run: str
    playbook: str
    environment: str
    verdict: str
    exit_code: int
    message: str
    next: str
    details: Sequence[str]
    changed: bool
    journal: Path
    files: Mapping[str, Path]
    checks: Sequence[Check]
    plan: Mapping[str, Any] | None
    status: Mapping[str, Any] | None
    seconds: float

    @property
    def ok(self) -> bool:
        """Done and proved, or nothing to do."""
        return self.exit_code == 0

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it: paths are strings."""
        files = {name: str(path) for name, path in self.files.items()}
        return {**asdict(self), "journal": str(self.journal), "files": files}


def event_of(record: Mapping[str, Any]) -> Event:
    """An event from its line of the journal."""
    return Event(
        record["seq"],
        datetime.fromisoformat(record["time"]),
        record["elapsed"],
        record["event"],
        {name: value for name, value in record.items() if name not in _ABOUT_THE_EVENT},
    )


def result_of(
    journal: Path, *, playbook: str, environment: str, code: int | None, lines: Sequence[str] = ()
) -> Result:
    """The result of a run that is over.

    ``code`` is what ``ansible-playbook`` ended with, ``None`` when it was killed or nobody knows; ``lines`` is what it
    wrote last, which counts only where the journal has no word.
    """
    # What reads the checks takes longer to load than a command may take to begin.
    from ansible.module_utils.verdict.files import checks_of

    records = list(read(journal)) if journal.is_file() else []
    events = [event_of(record) for record in records]
    end = next((event.data for event in reversed(events) if event.event == "outcome"), None)
    changed = any(event.event in CHANGES for event in events)
    if end is None or (code != end["exit_code"] if code is not None else not _is_closed(playbook, events)):
        end = _without_a_word(environment, playbook, code, lines, events)
    return Result(
        run=journal.parent.name,
        playbook=playbook,
        environment=environment,
        verdict=end["verdict"],
        exit_code=end["exit_code"],
        message=end["message"],
        next=end["next"],
        details=tuple(end["details"]),
        changed=changed,
        journal=journal,
        files=_files(journal.parent),
        checks=(*(_check(found) for found in checks_of(records)), *_scenarios(environment, events)),
        plan=_plan(events),
        status=_last(events, "status"),
        seconds=events[-1].elapsed if events else 0.0,
    )


def _is_closed(playbook: str, events: Sequence[Event]) -> bool:
    """A rollback that took the lock closes its journal last of all. Without that it was killed after its verdict."""
    kinds = {event.event for event in events}
    return playbook != "rollback" or "lock.taken" not in kinds or CLOSED in kinds


def _proved(events: Sequence[Event]) -> str:
    """What is known of a change that was only watched any more, or had been; empty when it did not come so far."""
    changed, proved, known = False, "", ""
    for event in events:
        if event.event in CHANGES:
            changed, known = True, ""
        elif event.event == "outcome" and known:
            # Of the watch itself, which may have found that it got worse.
            known = str(event.data["message"])
        elif event.event == "outcome":
            proved = str(event.data["message"]) if event.data["exit_code"] == DONE else ""
        elif event.event == "stage.start" and event.data.get("stage") == "watch" and changed and proved:
            known = f"{proved}; it was being watched"
    return known


def _without_a_word(
    environment: str, playbook: str, code: int | None, lines: Sequence[str], events: Sequence[Event]
) -> dict[str, Any]:
    moved, next_ = _left(environment, playbook, events)
    if code is None:
        told = {"verdict": BROKE_OFF, "exit_code": FAILED, "message": f"the run was killed: {moved}"}
        return {**told, "next": next_, "details": []}
    told = {"verdict": _ANSIBLES.get(code, "ERROR"), "exit_code": code, "details": list(lines)}
    if code == 99:
        return {**told, "message": moved, "next": next_}
    message = f"ansible-playbook ended with {code}, and {moved}"
    return {**told, "message": message, "next": "put right what is said above, then run again"}


def _left(environment: str, playbook: str, events: Sequence[Event]) -> tuple[str, str]:
    """What a run that did not come to its end left behind, and the command to give next."""
    again = f"ansible-playbook {playbook}.yml -i {environment}"
    if proved := _proved(events):
        return proved, f"ansible-playbook status.yml -i {environment}"
    if broken := dict.fromkeys(event.data["scenario"] for event in events if event.event == "drill.fault"):
        # The dead man's switch gives the same command.
        heal = f"{again} -e scenarios={','.join(broken)} -e heal=true"
        return "what the drill broke may be there still, until it is healed", heal
    changed = any(event.event in CHANGES for event in events)
    moved = "some components may have moved, and others not" if changed else "no component has moved"
    return moved, f"{again}, which goes on from here"


def _files(folder: Path) -> dict[str, Path]:
    found = [*folder.glob("report/[!.]*"), *folder.glob("validation.*")]
    found += [path for path in (folder / "plan.json", folder / "drill.html") if path.is_file()]
    return {path.name: path for path in sorted(found)}


def _check(found: Mapping[str, Any]) -> Check:
    told = dict(found)
    named = {name: str(told.pop(name, None) or "") for name in ("component", "check", "verdict", "detail")}
    return Check(**named, figures=told)


def _scenarios(environment: str, events: Sequence[Event]) -> list[Check]:
    """The scenarios of a drill. One that was aborted proves nothing."""
    found = []
    for event in events:
        if event.event == "drill.scenario":
            told = dict(event.data)
            verdict = str(told.pop("verdict"))
            check = f"drill {told.pop('scenario')}"
            verdict = "inconclusive" if verdict == "aborted" else verdict
            found.append(Check(environment, check, verdict, str(told.pop("why")), told))
    return found


def _plan(events: Sequence[Event]) -> dict[str, Any] | None:
    """With the databases, the hash is another one."""
    plan, databases = _last(events, "plan"), _last(events, "databases.plan")
    return {**plan, **(databases or {})} if plan else None


def _last(events: Sequence[Event], kind: str) -> dict[str, Any] | None:
    return next((dict(event.data) for event in reversed(events) if event.event == kind), None)
