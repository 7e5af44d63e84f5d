"""Journals of runs that ended in every way, written by the real journal, for the tests of the report."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from plugins.module_utils.journal import FILE, Journal, read
from plugins.module_utils.outcome import outcome
from plugins.module_utils.redact import Redactor
from plugins.module_utils.report.incident import Incident
from plugins.module_utils.report.model import incident_of

NAMES = ("auth-worker", "content-worker", "site")
BEGAN = datetime.fromisoformat("2026-03-02T10:00:00+00:00")

Event = tuple[float, str, dict[str, Any]]


def move(name: str, **other: Any) -> dict[str, Any]:
    return {
        "component": name,
        "kind": "pages" if name == "site" else "worker",
        "target": f"app-{name}",
        "live": [[f"{name}-bad", 100.0]],
        "seen": "2026-03-02T09:56:00+00:00",
        "from_label": f"r3 ({name}-bad)",
        "to_id": f"{name}-good",
        "to_label": f"r2 ({name}-good)",
        "to_created": "2026-03-01T08:00:00Z",
        "method": "deployment at 100 %",
        "why": "",
        "identity": {"commit": "a50126cc2d6c726de0ca203c3b659f658d356173"},
        "secret_changed": False,
    } | other


def plan(**other: Any) -> dict[str, Any]:
    return {
        "environment": "production",
        "release": "r2",
        "release_made": "2026-03-01T08:00:00+00:00",
        "reason": "the newest release before r3 that is known to be good",
        "live_release": "r3",
        "moves": [move(name) for name in NAMES],
        "skipped": [{"release": "r2b", "why": "condemned: it lost orders"}],
        "left_out": [],
        "stays": ["route of site: example.org/*"],
        "hash": "c6ac7cd6d0f0",
        "changes": True,
    } | other


def stage(
    begin: float, end: float, name: str, inside: list[Event], *, ok: bool = True, **fields: Any
) -> list[Event]:
    return [
        (begin, "stage.start", {"stage": name, **fields}),
        *inside,
        (end, "stage.end", {"stage": name, "ok": ok, "seconds": end - begin}),
    ]


def begun(**planned: Any) -> list[Event]:
    return [
        (0.0, "run.start", {"playbook": "rollback"}),
        (0.4, "lock.taken", {"generation": 1}),
        *stage(
            0.5,
            0.9,
            "plan",
            [
                (
                    0.6,
                    "api",
                    {"method": "GET", "path": "workers", "status": 200, "ray": "a-LOC", "seconds": 0.1},
                ),
                (0.8, "plan", plan(**planned)),
            ],
            environment="production",
            check_mode=False,
        ),
    ]


def goal(**told: Any) -> list[Event]:
    return [(1.0, "goal", {"hash": "c6ac7cd6d0f0", "release": "r2", "on_partial": "converge", **told})]


def rehearsed() -> list[Event]:
    return stage(
        1.1, 1.4, "rehearse", [(1.3, "rehearsed", {"component": name, "verdict": "pass"}) for name in NAMES]
    )


def switched(**problems: str) -> list[Event]:
    inside: list[Event] = []
    for name in NAMES:
        problem = problems.get(name.replace("-", "_"))
        state, where = ("stayed", f"{name}-bad") if problem else ("moved", f"{name}-good")
        told = {"component": name, "state": state, "where": where, "seconds": 0.2, "problem": problem}
        inside += [
            (1.6, "switch.start", {"component": name, "to": f"{name}-good"}),
            (1.9, "switch.end", told),
        ]
    return stage(1.5, 2.0, "switch", inside, on_partial="converge")


def validated(**problems: str) -> list[Event]:
    inside: list[Event] = []
    for name in NAMES:
        problem = problems.get(name.replace("-", "_"))
        told = {"verdict": "fail" if problem else "pass", "problems": [problem] if problem else []}
        inside.append(
            (2.2, "probe", {"component": name, "attempts": 1, "seconds": 0.05, "version": "r2", **told})
        )
    return stage(2.1, 2.3, "validate", inside)


def ended(code: int, message: str, after: str = "ansible-playbook status.yml -i production") -> list[Event]:
    return [(2.4, "outcome", outcome(code, message, next_=after))]


def loss(rows: int | None, *, exact: bool = True) -> dict[str, Any]:
    return {
        "table": "orders",
        "what": "orders: written since",
        "rows": rows,
        "exact": exact,
        "rows_sql": None,
    }


def database(method: str, *losses: dict[str, Any]) -> Event:
    item = {
        "name": "app-db",
        "kind": "postgres",
        "method": method,
        "why": "a column went",
        "since": ["0003_drop"],
        "level": "0002",
        "losses": list(losses),
        "earlier": {"what": "restore the backup of 09:55", "token": "t", "moment": "m"}
        if method == "rewind"
        else None,
    }
    return (0.95, "databases.plan", {"hash": "h", "databases": [item]})


def database_moved(method: str, *losses: dict[str, Any], kept: tuple[str, ...] = ()) -> list[Event]:
    told = {
        "database": "app-db",
        "method": method,
        "undo": {"kept": "before"},
        "losses": list(losses),
        "kept": kept,
    }
    return stage(1.42, 1.48, "databases.move", [(1.45, "database.moved", told)])


def good(*between: Event) -> list[Event]:
    """A rollback of three components that went well."""
    return [
        *begun(),
        *goal(reason="r3 answers nonsense"),
        *rehearsed(),
        *switched(),
        *between,
        *validated(),
        *ended(0, "production serves r2; 3 of 3 components checked, 2.3 s"),
    ]


def write(folder: Path, events: list[Event]) -> Path:
    """The journal with these events, at their moments."""
    journal = Journal(folder, "20260302T100000Z-abcdef", Redactor())
    for _, kind, fields in events:
        journal.write(kind, **fields)
    return journal.path


def told(folder: Path, events: list[Event]) -> list[dict[str, Any]]:
    """The events as the journal has them, with the moments that were asked for instead of those of the test."""
    found = list(read(write(folder, events)))
    for event, (elapsed, _, _) in zip(found, events, strict=True):
        time = BEGAN + timedelta(seconds=elapsed)
        event |= {"elapsed": elapsed, "time": time.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return found


def rewritten(folder: Path, events: list[Event]) -> Path:
    """A journal file with the moments that were asked for; its chain does not hold."""
    lines = [json.dumps(event) + "\n" for event in told(folder / "first", events)]
    path = folder / "run" / FILE
    path.parent.mkdir(parents=True)
    path.write_text("".join(lines))
    return path


def of(folder: Path, events: list[Event]) -> Incident:
    """The incident that a report of these events tells of."""
    return incident_of(told(folder, events))


def opened(**fields: Any) -> Event:
    return (0.1, "incident.opened", {"incident": "INC-7", "trigger": "health", **fields})
