"""Prove the databases: where their schema stands, and that the data is whole (S10, S31-S33, S51-S53)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

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
        if isinstance(found, Exception):
            found = _Found("", [str(found)], [])
        level, problems = found.level, [*found.wrong, *found.unknown]
        verdict = "fail" if found.wrong else "inconclusive" if found.unknown else "pass"
        task.journal.write(
            "database.checked", database=declared["name"], verdict=verdict, level=level, problems=problems
        )
        checked.append({"name": declared["name"], "verdict": verdict, "level": level, "problems": problems})
    return {"checked": checked}


class _Found(NamedTuple):
    level: str
    wrong: list[str]
    unknown: list[str]


def _check(task: Task, declared: Mapping[str, Any], planned: Mapping[str, Any]) -> _Found:
    earlier = planned.get("earlier")
    moment = earlier["moment"] if earlier else None
    lost = {loss["table"] for loss in planned.get("losses", ())}
    with task.database(declared) as database:
        status = database.driver.status()
        looked = database.problems(planned.get("snapshot"), moment, lost)
        half = [f"{status.dirty} is half-applied", *status.problems] if status.dirty is not None else []
    return _Found(status.applied[-1] if status.applied else "", [*looked.wrong, *half], looked.unknown)
