"""Prove the databases: where their schema stands, and that the data is whole (S10, S31-S33, S51-S53)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..concurrent import each
from .options import CLOUDFLARE, DATABASES, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **DATABASES,
    "planned": {"type": "list", "elements": "dict", "default": []},
}


def work(task: Task) -> dict[str, Any]:
    """Check all databases at once."""
    todo = task.params["databases"]
    planned = {item["name"]: item for item in task.params["planned"]}
    with task.journal.stage("databases.check"):
        outcomes = each(lambda item: _check(task, item, planned.get(item["name"], {})), todo)
    checked = []
    for declared, found in zip(todo, outcomes, strict=True):
        problems = [str(found)] if isinstance(found, Exception) else found["problems"]
        level = "" if isinstance(found, Exception) else found["level"]
        verdict = "fail" if problems else "pass"
        task.journal.write(
            "database.checked", database=declared["name"], verdict=verdict, level=level, problems=problems
        )
        checked.append({"name": declared["name"], "verdict": verdict, "level": level, "problems": problems})
    return {"checked": checked}


def _check(task: Task, declared: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, Any]:
    earlier = planned.get("earlier")
    moment = earlier["moment"] if earlier else None
    lost = {loss["table"] for loss in planned.get("losses", ())}
    with task.database(declared) as database:
        status = database.driver.status()
        problems = database.problems(planned.get("snapshot"), moment, lost)
        if status.dirty is not None:
            problems += [f"{status.dirty} is half-applied", *status.problems]
    return {"level": status.applied[-1] if status.applied else "", "problems": problems}
