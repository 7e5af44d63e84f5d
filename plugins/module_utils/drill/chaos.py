"""A scenario as an experiment of Chaos Toolkit, and what came of it as its journal.

The shapes are those of chaoslib 1.44: https://chaostoolkit.org/reference/api/experiment/ and .../journal/.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .acts import Activity
from .result import ABORTED, PASS, Result
from .scenario import Action, Scenario
from .settings import Settings

__all__ = ["experiment_of", "journal_of"]

_CHAOSLIB = "1.44.0"
_STATUS = {PASS: "completed", ABORTED: "aborted"}


def experiment_of(
    scenario: Scenario, settings: Settings, *, environment: str, release: str = "drill"
) -> dict[str, Any]:
    """The experiment: it can be run as it is, where the commands and the admin API that it names are."""
    validate = ["ansible-playbook", "validate.yml", "-i", environment, "--tags", "quick"]
    rollback = ["ansible-playbook", "rollback.yml", "-i", environment]
    for variable in ("drill=true", "freeze=false"):
        rollback += ["-e", variable]
    automatic = [*rollback, "-e", "automatic=true", "-e", f"trigger={scenario.trigger}"]
    return {
        "version": "1.0.0",
        "title": scenario.title,
        "description": scenario.description,
        "tags": list(scenario.tags),
        "steady-state-hypothesis": {
            "title": "Every component keeps its health contract",
            "probes": [
                {
                    "type": "probe",
                    "name": "every health contract is kept",
                    "tolerance": 0,
                    "provider": _process(validate),
                }
            ],
        },
        "method": [
            *(_action(action, settings, environment, release) for action in scenario.method),
            {
                "type": "action",
                "name": "an automatic rollback decides",
                "provider": _process(automatic),
            },
        ],
        "rollbacks": [
            *(_action(action, settings, environment, release) for action in scenario.rollbacks),
            {
                "type": "action",
                "name": "the release of before is put back",
                "provider": _process(rollback),
            },
        ],
        "extensions": [
            {
                "name": "knowngood",
                "signal": "split" if scenario.split else sorted(scenario.signal) or "none",
                "decision": scenario.decision,
                "blast_radius": sorted(scenario.blast_radius) or "all",
                "abort": {"seconds": scenario.seconds, "failed_requests": scenario.failed_requests},
                "targets": {"rto": scenario.rto, "rpo": scenario.rpo},
            }
        ],
    }


def journal_of(
    result: Result, experiment: Mapping[str, Any], *, start: datetime, end: datetime
) -> dict[str, Any]:
    """What came of it. ``deviated`` is true when the steady state was not proved again."""
    known = {item["name"]: item for part in ("method", "rollbacks") for item in experiment[part]}
    probe = experiment["steady-state-hypothesis"]["probes"][0]
    after = {
        "steady_state_met": result.steady,
        "probes": [
            {
                "activity": probe,
                "output": 0 if result.steady else 1,
                "status": "succeeded",
                "start": end.isoformat(),
                "end": end.isoformat(),
                "duration": 0.0,
                "tolerance_met": result.steady,
            }
        ],
    }
    before = {"steady_state_met": bool(result.activities), "probes": []}
    return {
        "chaoslib-version": _CHAOSLIB,
        "platform": platform.platform(),
        "node": platform.node(),
        "experiment": dict(experiment),
        "start": start.isoformat(),
        "status": _STATUS.get(result.verdict, "failed"),
        "deviated": not result.steady,
        "steady_states": {"before": before, "after": after, "during": []},
        "run": [_run(one, known) for one in result.activities if one.where == "method"],
        "rollbacks": [_run(one, known) for one in result.activities if one.where == "rollbacks"],
        "end": end.isoformat(),
        "duration": (end - start).total_seconds(),
    }


def _run(one: Activity, known: Mapping[str, Any]) -> dict[str, Any]:
    end = one.end or one.start
    return {
        "activity": known.get(one.name, {"type": "action", "name": one.name}),
        "output": one.output,
        "status": one.status,
        "start": one.start.isoformat(),
        "end": end.isoformat(),
        "duration": (end - one.start).total_seconds(),
    }


def _action(action: Action, settings: Settings, environment: str, release: str) -> dict[str, Any]:
    return {
        "type": "action",
        "name": action.name,
        "provider": _provider(action, settings, environment, release),
    }


def _provider(action: Action, settings: Settings, environment: str, release: str) -> dict[str, Any]:
    given = action.given
    if action.kind == "deploy":
        return _process([*(part.replace("{release}", release) for part in settings.deploy), *given])
    if action.kind == "migrate":
        return _process([*settings.migrate, *given])
    if action.kind in ("edge", "api"):
        place = "/edge/faults" if action.kind == "edge" else "/faults"
        return {"type": "http", "url": settings.faults + place, "method": "POST", "arguments": dict(given)}
    if action.kind == "rollback":
        extra = [part for name, value in given.items() for part in ("-e", f"{name}={value}")]
        return _process(["ansible-playbook", "rollback.yml", "-i", environment, "-e", "drill=true", *extra])
    if action.kind == "secret":
        return _process(["wrangler", "secret", "put", given["name"], "--name", given["component"]])
    if action.kind == "wait":
        return _process(["sleep", str(given)])
    # The address of a database is a secret; psql finds it in its own variables (PGHOST, PGPASSWORD, ...).
    if action.kind == "lock":
        hold = f"BEGIN; LOCK TABLE {given['table']} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({given['lease_seconds']})"
        return {**_process(["psql", "-c", hold]), "timeout": given["lease_seconds"]}
    return _process(["psql", "-c", given["sql"]])


def _process(command: Sequence[str]) -> dict[str, Any]:
    return {"type": "process", "path": command[0], "arguments": list(command[1:])}
