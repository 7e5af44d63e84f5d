"""The incident as data: what every form of the report says. Times are UTC in ISO 8601, durations seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ActionItem",
    "Budget",
    "Calls",
    "Check",
    "Component",
    "Database",
    "Entry",
    "Incident",
    "Link",
    "Measure",
    "Phase",
    "Step",
]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline. ``elapsed`` counts from the command, ``None`` for what came before it."""

    time: str
    elapsed: float | None
    what: str
    tone: str = "plain"  # good, bad, warn, plain


@dataclass(frozen=True, slots=True)
class Phase:
    """A stage of the run, from and to in seconds since the command; ``ok`` is ``None`` when it did not end."""

    name: str
    begins: float
    ends: float
    ok: bool | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A derived time. ``seconds`` is ``None`` when it is not known, and ``note`` says why, or what it counts."""

    name: str
    seconds: float | None
    note: str


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of the runbook (``row`` of the requirements). ``verdict`` is kept, broken, not known or not done."""

    row: str
    name: str
    seconds: float
    actual: float | None
    verdict: str
    note: str


@dataclass(frozen=True, slots=True)
class Component:
    name: str
    kind: str
    target: str
    from_label: str
    to_label: str
    to_id: str
    commit: str | None
    method: str
    state: str  # moved, already, not moved, put back, not reached
    seconds: float | None
    rehearsed: str
    validated: str
    problem: str = ""
    overrode: tuple[str, ...] = ()
    secret_changed: bool = False
    from_commit: str | None = None


@dataclass(frozen=True, slots=True)
class Database:
    """``rows_lost`` is a bound unless ``exact``, and ``None`` when it is not known."""

    name: str
    kind: str
    method: str
    why: str
    state: str  # nothing to do, done, failed, planned, unfinished
    since: tuple[str, ...]
    losses: tuple[str, ...]
    rows_lost: int | None
    exact: bool
    kept: tuple[str, ...]
    undo: str
    earlier: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A result of the validation. ``verdict`` is pass, fail, inconclusive or not applicable.

    ``seconds`` is the answer's time. ``n`` is how many answers it rests on, ``interval`` the bounds of the share of
    bad ones (0 to 1), and ``method`` how they were found.
    """

    subject: str
    what: str
    verdict: str
    detail: str
    seconds: float | None = None
    attempts: int = 1
    n: int | None = None
    interval: tuple[float, float] | None = None
    method: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A place to look at, with the time window of the incident in its address."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls to Cloudflare. ``failed`` are the events of those without an answer, or with 4xx or 5xx."""

    total: int
    writes: int
    slowest: float | None
    failed: tuple[dict[str, Any], ...]
    waited: float
    retries: int
    support: str = ""  # the text for Cloudflare's support; empty when no call failed by its fault


@dataclass(frozen=True, slots=True)
class ActionItem:
    id: str
    title: str
    kind: str  # mitigate, prevent, detect, data, process
    owner: str
    due: str


@dataclass(frozen=True, slots=True)
class Step:
    """A line of a checklist; ``why`` says what it was read from, or what is missing."""

    what: str
    done: bool
    why: str


@dataclass(frozen=True, slots=True)
class Incident:
    """Everything that a report says. Made by :func:`..report.model.incident_of`."""

    id: str
    run: str
    title: str
    environment: str
    drill: bool
    severity: str  # CRITICAL, HIGH, MEDIUM, LOW
    status: str  # INVESTIGATING, MITIGATING, RESOLVED
    rollback_status: str  # COMPLETED, IN-PROGRESS, FAILED
    ended: str  # the same in the words of the outcome: DONE, PARTIAL, UNFINISHED, ...
    exit_code: int | None
    happened: str
    over: str
    next_command: str
    finished: bool
    automatic: bool
    by: str
    scribe: str
    owner: str
    source: str
    reason: str
    trigger: str
    trigger_evidence: tuple[str, ...]
    trigger_checks: tuple[Check, ...]
    findings: tuple[str, ...]
    detected: str | None
    initiated: str | None
    completed: str | None
    restored: str | None
    last_event: str | None
    states: tuple[Entry, ...]
    timeline: tuple[Entry, ...]
    phases: tuple[Phase, ...]
    measures: tuple[Measure, ...]
    budgets: tuple[Budget, ...]
    release_from: str
    release_to: str
    plan_hash: str
    why_target: str
    passed_over: tuple[tuple[str, str], ...]
    left_out: tuple[str, ...]
    evidence: tuple[str, ...]
    approvals: tuple[str, ...]
    components: tuple[Component, ...]
    databases: tuple[Database, ...]
    loss: str
    checks: tuple[Check, ...]
    database_checks: tuple[Check, ...]
    before: tuple[str, ...]
    application: str  # HEALTHY, DEGRADED, DOWN, UNKNOWN
    database: str
    external: str
    current_notes: tuple[str, ...]
    impact: tuple[str, ...]
    links: tuple[Link, ...]
    calls: Calls
    deviations: tuple[str, ...]
    suspects: tuple[str, ...]
    actions: tuple[ActionItem, ...]
    lessons: tuple[tuple[str, tuple[str, ...]], ...]
    checklist: tuple[tuple[str, tuple[Step, ...]], ...]
    next_steps: tuple[Step, ...]
    freeze: str
    notifications: tuple[str, ...]
    review: str
    versions: dict[str, Any] = field(default_factory=dict)
