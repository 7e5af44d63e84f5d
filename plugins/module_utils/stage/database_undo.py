"""Take back what an earlier run did to the databases: the data that it set aside serves again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..journal import FILE, read
from ..outcome import DONE, FAILED, REFUSED, outcome
from .options import CLOUDFLARE, DATABASES, LOCKED, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **DATABASES,
    **LOCKED,
    "undo": {"type": "str", "required": True},
    "ends_with": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """Undo the newest first. ``ends_with`` is how a run ends that takes its own changes back."""
    params = task.params
    ends_with = params["ends_with"]
    path = Path(params["runs_dir"]) / params["undo"] / FILE
    declared = {item["name"]: item for item in params["databases"]}
    if not path.is_file():
        message = f"nothing was changed: there is no run {params['undo']} ({path})"
        return {"outcome": outcome(REFUSED, message, next_=f"ls {params['runs_dir']}")}
    told = [event for event in reversed(_set_aside(path)) if event["database"] in declared]
    try:
        todo = [*_not_told(task, path, told), *told]
    except Exception as error:
        message = f"nothing was changed: {error}"
        return {"outcome": outcome(REFUSED, message, next_="put that right, then the same command again")}
    status = f"ansible-playbook status.yml -i {params['environment_name']}"
    if not todo:
        message = f"nothing to do: run {params['undo']} set no data of these databases aside"
        return {"outcome": ends_with or outcome(DONE, message, next_=status)}
    if task.check_mode:
        details = [f"{event['database']}: {event['undo']}" for event in todo]
        return {"outcome": outcome(DONE, "only a check, nothing was changed", next_=status, details=details)}
    done: list[str] = []
    with task.keeping_lock(), task.journal.stage("databases.undo"):
        for event in todo:
            try:
                with task.database(declared[event["database"]]) as database:
                    database.undo(event["undo"])
            except Exception as error:
                details = [*[f"{name}: taken back" for name in done], f"{event['database']}: {error}"]
                message = f"{event['database']} could not be taken back"
                again = (
                    f"ansible-playbook rollback.yml -i {params['environment_name']} -e undo={params['undo']}"
                )
                return {"outcome": outcome(FAILED, message, next_=again, details=details)}
            done.append(event["database"])
    message = f"{', '.join(done)} is as it was before run {params['undo']}; the code was not touched"
    return {"changed": True, "outcome": ends_with or outcome(DONE, message, next_=status)}


def _not_told(task: Task, path: Path, told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What PostgreSQL keeps of a run that was killed right after a swap, before it could note it down.

    Asked only where the run began a swap: then a server that cannot be reached is in nobody's way.
    """
    from ..database.postgres import ManagedPostgres

    if not any(event["event"] == "postgres.swap.start" for event in read(path)):
        return []
    names = {event["database"] for event in told}
    found = []
    for declared in task.params["databases"]:
        if declared["kind"] == "postgres" and declared["name"] not in names:
            with task.database(declared) as database:
                assert isinstance(database, ManagedPostgres)
                if undo := database.left_by(task.params["undo"]):
                    found.append({"database": declared["name"], "undo": undo})
    return found


def _set_aside(path: Path) -> list[dict[str, Any]]:
    """What the run set aside, oldest first. A run that was killed in a rewind has noted only its start."""
    begun: dict[str, dict[str, Any]] = {}
    for event in read(path):
        if event["event"] in ("database.rewind", "database.moved") and event.get("undo"):
            begun[event["database"]] = event
    return list(begun.values())
