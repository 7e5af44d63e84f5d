"""Write a plan down, for a person to approve."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..outcome import DONE, REFUSED, outcome
from ..release.consent import lacking, risks
from .options import RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    "plan": {"type": "dict", "required": True},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "hash": {"type": "str", "required": True},
    "table": {"type": "list", "elements": "str", "default": []},
    "require_approval": {"type": "dict", "default": {}},
    "to": {"type": "path", "default": ""},
}


def work(task: Task) -> dict[str, Any]:
    """One JSON file, beside the journal unless another place is asked for."""
    params, plan, hash_ = task.params, task.params["plan"], task.params["hash"]
    environment = params["environment_name"]
    path = Path(params["to"] or task.journal.path.parent / "plan.json")
    databases = [
        {key: value for key, value in item.items() if key != "snapshot"} for item in params["databases"]
    ]
    found = risks(plan, databases)
    told = {**plan, "hash": hash_, "databases": databases, "risks": found}
    if not task.check_mode:
        try:
            path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            return {
                "outcome": outcome(
                    REFUSED,
                    f"the plan was not written to {path}: {error.strerror}",
                    next_="give -e plan_to=<file>",
                )
            }
    required = {
        name: str(value).lower() in ("true", "yes", "1") for name, value in params["require_approval"].items()
    }
    needs = lacking(required, found, approved=True, by="", reason="", emergency="")
    approval = " -e approved_by=<who> -e reason='<why>'" if needs else ""
    would = f"would go to {plan['release']}" if plan["changes"] else f"serves {plan['release']} already"
    return {
        "hash": hash_,
        "risks": found,
        "file": str(path),
        "outcome": outcome(
            DONE,
            f"plan {hash_}: {environment} {would}",
            next_=f"ansible-playbook rollback.yml -i {environment} -e plan={hash_}{approval}",
            details=[*params["table"], f"written to {path}", *([needs] if needs else [])],
        ),
    }
