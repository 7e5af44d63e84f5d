"""Whether the next drill is due, by the history of drills (S102, S133). Asks nobody, and changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..drill.history import dates_of, read_history
from ..drill.settings import problems_in, settings_of
from ..outcome import DONE, DRILL_OVERDUE, REFUSED, outcome
from .options import RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    "drills": {"type": "dict", "default": {}},
    "inventory_dir": {"type": "path", "required": True},
}


def work(task: Task) -> dict[str, Any]:
    """The last drill in which nothing failed, and the next, computed (S134, S135)."""
    environment, declared = task.params["environment_name"], task.params["drills"]
    file = f"{Path(task.params['inventory_dir']).name}/group_vars/all.yml"
    again = f"ansible-playbook drill.yml -i {environment}"
    if declared.get("allowed") is not True:
        message = f"{environment} is not drilled: drills.allowed is not true in {file}"
        return {"outcome": outcome(REFUSED, message, next_="name an environment that is")}
    problems = problems_in(declared, file)
    if problems:
        return {
            "outcome": outcome(
                REFUSED, "drills cannot be read", next_="put right what is said above", details=problems
            )
        }
    settings = settings_of(declared, Path(task.params["runs_dir"]))
    dates = dates_of(read_history(settings.history), environment, settings.every)
    overdue = dates.next is None or datetime.now(UTC) > dates.next
    said = "never" if dates.last is None else f"{dates.last:%Y-%m-%d %H:%M} UTC"
    due = "now" if dates.next is None else f"{dates.next:%Y-%m-%d}"
    detail = f"last drill {said}, next due {due}, every {settings.every:g} days"
    task.journal.write(
        "check", component=environment, check="drill", verdict="fail" if overdue else "pass", detail=detail
    )
    code = DRILL_OVERDUE if overdue else DONE
    return {
        "last": dates.last.isoformat() if dates.last else None,
        "next": dates.next.isoformat() if dates.next else None,
        "overdue": overdue,
        "outcome": outcome(code, f"{environment}: {detail} ({settings.history})", next_=again),
    }
