"""Ask for what the plan needs (the approved hash, an approval), and store the goal before the first change."""

from __future__ import annotations

from typing import Any

from ..outcome import DONE, REFUSED, outcome
from ..release.consent import differences, lacking, risks
from .options import CLOUDFLARE, LEDGER, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **LEDGER,
    "plan": {"type": "dict", "required": True},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "hash": {"type": "str", "required": True},
    "asked": {"type": "dict", "default": {}},
    "require_approval": {
        "type": "dict",
        "default": {},
        "options": {
            "code": {"type": "bool", "default": False},
            "data_loss": {"type": "bool", "default": False},
        },
    },
    "accept_loss": {"type": "str", "default": ""},
    "approved_by": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "emergency": {"type": "str", "default": ""},
    "incident": {"type": "str", "default": ""},
    "automatic": {"type": "bool", "default": False},
    "drill": {"type": "bool", "default": False},
    "on_partial": {"type": "str", "default": "converge"},
}
_TOLD = ("approved_by", "reason", "emergency", "incident", "automatic", "drill", "on_partial")


def work(task: Task) -> dict[str, Any]:
    """Refuse what was not approved; then write down what shall be true at the end."""
    params, plan, hash_ = task.params, task.params["plan"], task.params["hash"]
    environment = params["environment_name"]
    databases = [item for item in params["databases"] if item["method"] != "nothing"]
    again = f"ansible-playbook rollback.yml -i {environment}"
    asked = params["asked"]
    if asked and asked["hash"] != hash_:
        return {
            "outcome": outcome(
                REFUSED,
                f"nothing was changed: the plan is now {hash_}, not {asked['hash']} as approved",
                next_=f"ansible-playbook plan.yml -i {environment}, and have the new plan approved",
                details=differences(asked.get("moves", []), plan["moves"]) if "moves" in asked else [],
            )
        }
    lacks = lacking(
        params["require_approval"],
        risks(plan, databases),
        approved=hash_ in (asked.get("hash"), params["accept_loss"]),
        by=params["approved_by"],
        reason=params["reason"],
        emergency=params["emergency"],
    )
    if task.check_mode:
        return {"outcome": _only_checked(environment, plan, hash_, lacks)}
    if lacks is not None:
        return {
            "outcome": outcome(
                REFUSED,
                f"nothing was changed: {lacks}",
                next_=f"{again} -e plan={hash_} -e approved_by=<who> -e reason='<why>'; in an emergency: "
                f"{again} -e emergency='<why>'",
            )
        }
    if not plan["changes"] and not databases:
        return {"stored": False}
    told = {name: params[name] for name in _TOLD if params[name]}
    if params["emergency"]:
        task.journal.write("approval.bypassed", reason=params["emergency"], by=task.ledger.by)
    body = {
        "run": task.journal.run,
        "hash": hash_,
        "release": plan["release"],
        "release_made": plan["release_made"],
        "limited": bool(plan["left_out"]),
        "leaves": plan["leaves"],
        "moves": [
            {
                name: move[name]
                for name in ("component", "kind", "target", "live", "to_id", "to_label", "from_label")
            }
            for move in plan["moves"]
        ],
        "databases": [{name: item[name] for name in ("name", "method", "level")} for item in databases],
        **told,
    }
    task.ledger.append(("goal", body))
    task.journal.write("goal", hash=hash_, release=plan["release"], **told)
    return {"stored": True}


def _only_checked(environment: str, plan: dict[str, Any], hash_: str, lacks: str | None) -> dict[str, Any]:
    would = f"would go to {plan['release']}" if plan["changes"] else f"serves {plan['release']} already"
    return outcome(
        DONE,
        f"only a check, nothing was changed: {environment} {would}, plan {hash_}",
        next_=f"ansible-playbook rollback.yml -i {environment}",
        details=[lacks] if lacks else [],
    )
