"""Try the planned versions on the real platform before anybody sees them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..cloudflare.rehearse import Rehearsed, rehearse, withdraw
from ..outcome import REFUSED, outcome
from ..recovery.hidden import because, hidden
from ..release.plan import Move
from .options import CLOUDFLARE, COMPONENTS, MOVING, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **PROBING,
    **MOVING,
    "not_yet": {"type": "list", "elements": "str", "default": []},
    "maintenance": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """Try, and withdraw when one of them failed."""
    moves = task.moves
    if task.check_mode:
        return {"rehearsed": []}
    platform = task.platform
    force, page = task.params["accept_secret_change"], task.params["maintenance"]
    with task.journal.stage("rehearse"):
        tried = rehearse(
            platform,
            task.connector,
            moves,
            task.contracts,
            task.limits,
            message=task.params["message"],
            force=force,
            journal=task.journal,
            not_yet=frozenset(task.params["not_yet"]),
            hidden=dict.fromkeys(hidden(task.connector, page, task.asked), because(page) if page else ""),
        )
        result: dict[str, Any] = {"rehearsed": [asdict(item) for item in tried], "changed": True}
        bad = [item for item in tried if item.verdict in ("fail", "refused", "overtaken")]
        if bad:
            stuck = withdraw(platform, moves, "rehearsal withdrawn")
            result["outcome"] = _end(task.params["environment_name"], moves, bad, stuck)
    return result


def _end(environment: str, moves: list[Move], bad: list[Rehearsed], stuck: dict[str, str]) -> dict[str, Any]:
    secrets = sorted({name for item in bad for name in item.secrets})
    details = [f"{item.component}: {item.why}" for item in bad]
    details += [f"{name}: {why}" for name, why in stuck.items()]
    again = f"ansible-playbook rollback.yml -i {environment}"
    if secrets:
        return outcome(
            REFUSED,
            f"nothing was changed: going back would also bring back old values of {', '.join(secrets)}",
            next_=f"{again} -e accept_secret_change=true, if the old values still work",
            details=details,
        )
    names = ", ".join(item.component for item in bad)
    overtaken = [item.component for item in bad if item.verdict == "overtaken"]
    if overtaken:
        message = f"nothing was changed: somebody deployed {', '.join(overtaken)} in the meantime"
        return outcome(REFUSED, message, next_=f"{again}, which plans again", details=details)
    refused = any(item.verdict == "refused" for item in bad)
    why = (
        f"Cloudflare does not take the target of {names}"
        if refused
        else f"the target itself fails on {names}"
    )
    return outcome(
        REFUSED,
        f"nothing was changed: {why}",
        next_=f"{again} -e release=<another>, or -e rehearse=false to go there all the same",
        details=details,
    )
