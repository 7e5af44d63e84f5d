"""End the freeze that a rollback began: automatic deployments go on."""

from __future__ import annotations

from typing import Any

from ..cloudflare.automatic import resume
from ..concurrent import each
from ..outcome import DONE, FAILED, outcome
from .options import CLOUDFLARE, LEDGER, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {**RUN, **CLOUDFLARE, **LEDGER, "reason": {"type": "str", "default": ""}}


def work(task: Task) -> dict[str, Any]:
    """Put back what was paused, then take the marker away."""
    environment = task.params["environment_name"]
    again = f"ansible-playbook unfreeze.yml -i {environment}"
    frozen = task.known.frozen
    if frozen is None:
        return {
            "outcome": outcome(
                DONE, f"{environment} is not frozen", next_=f"ansible-playbook status.yml -i {environment}"
            )
        }
    if task.check_mode:
        return {"outcome": outcome(DONE, f"only a check: {environment} would be unfrozen", next_=again)}
    paused = list(frozen.pages.items())
    done = each(lambda item: resume(task.client, item[0], item[1]), paused)
    problems = [
        f"{project}: {found}"
        for (project, _), found in zip(paused, done, strict=True)
        if isinstance(found, Exception)
    ]
    if problems:
        message = "still frozen: automatic deployments did not go on"
        return {"outcome": outcome(FAILED, message, next_=again, details=problems)}
    reason = task.params["reason"] or "unfrozen by hand"
    task.ledger.append(("unfrozen", {"reason": reason, "run": task.journal.run}))
    task.journal.write("unfrozen", projects=[project for project, _ in paused])
    return {
        "changed": True,
        "outcome": outcome(
            DONE,
            f"{environment} is not frozen any more"
            + (f"; {', '.join(project for project, _ in paused)} deploys by itself again" if paused else ""),
            next_=f"ansible-playbook status.yml -i {environment}",
        ),
    }
