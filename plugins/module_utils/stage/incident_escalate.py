"""Call everybody of the contact chain now, whatever the time since the incident was opened."""

from __future__ import annotations

from typing import Any

from ..outcome import DONE, REFUSED, outcome
from .options import RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    "contacts": {"type": "list", "elements": "dict", "default": []},
    "reason": {"type": "str", "default": ""},
}


def work(task: Task) -> dict[str, Any]:
    """The process beside the run reads it in the journal, and calls; what became of it is told at the end."""
    environment = task.params["environment_name"]
    people = [
        f"{person['name']} ({person['role']}): {person['how']} {person['to']}"
        for person in task.params["contacts"]
    ]
    if not people:
        message = "nobody was called: no contact is declared that could be"
        next_ = "declare notifications and contacts (docs/notifications.md)"
        return {"outcome": outcome(REFUSED, message, next_=next_)}
    next_ = f"who takes it on says so: ansible-playbook notify.yml -i {environment} -e acknowledge='<name>'"
    if task.check_mode:
        message = f"only a check: {len(people)} contact(s) would be called"
        return {"outcome": outcome(DONE, message, next_=next_, details=people)}
    with task.journal.stage("escalate"):
        why = task.params["reason"] or "a person asked for everybody"
        task.journal.write("escalated", why=why, contacts=people)
    message = f"{len(people)} contact(s) of {environment} are being called"
    return {"changed": True, "outcome": outcome(DONE, message, next_=next_, details=people)}
