"""Whether the environment may be drilled, and with what. Changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..drill.gate import problems
from ..drill.scenario import Wrong, choose, read_all
from ..outcome import REFUSED, outcome
from .options import CLOUDFLARE, COMPONENTS, DATABASES, PROBING, RUN
from .task import Task

__all__ = ["DRILLED", "SPEC", "refused", "work"]

DRILLED: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **PROBING,
    "databases": {**DATABASES["databases"], "required": False, "default": []},
    "environment_class": {"type": "str", "default": ""},
    "drills": {"type": "dict", "default": {}},
    "inventories": {"type": "path", "required": True},
    "inventory_dir": {"type": "path", "required": True},
    "left_out": {"type": "list", "elements": "str", "default": []},
    "third_parties": {"type": "list", "elements": "dict", "default": []},
    "folder": {"type": "path", "required": True},
    "scenarios": {"type": "str", "default": "short"},
}
SPEC: dict[str, Any] = DRILLED


def work(task: Task) -> dict[str, Any]:
    """The scenarios that are asked for, when nothing forbids them."""
    with task.journal.stage("may it be drilled"):
        found = problems(task.params)
        if found:
            return {"outcome": refused(task, found)}
        try:
            chosen = choose(read_all(Path(task.params["folder"])), task.params["scenarios"])
        except Wrong as error:
            return {"outcome": refused(task, error.problems)}
    return {"scenarios": [scenario.name for scenario in chosen]}


def refused(task: Task, problems: list[str]) -> dict[str, Any]:
    """The end of a drill that does not begin."""
    environment = task.params["environment_name"]
    return outcome(
        REFUSED,
        f"nothing was changed: {environment} is not drilled",
        next_="put right what is said above (docs/drills.md), or: ansible-playbook drill.yml -i local",
        details=problems,
    )
