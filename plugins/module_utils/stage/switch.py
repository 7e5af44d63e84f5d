"""Move Workers and Pages to the planned versions, all at once, and read back."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from ..cloudflare.switch import Moved, switch
from ..outcome import FAILED, PARTIAL, REFUSED, outcome
from ..release.plan import Move
from .options import CLOUDFLARE, COMPONENTS, MOVING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {**RUN, **CLOUDFLARE, **COMPONENTS, **MOVING}


def work(task: Task) -> dict[str, Any]:
    """Switch, and say where everything stands when it is not whole."""
    moves = task.moves
    result: dict[str, Any] = {"moved": [], "seconds": 0.0, "changed": any(move.changes for move in moves)}
    if task.diff:
        result["diff"] = {
            "before": "".join(f"{move.component}: {move.from_label}\n" for move in moves),
            "after": "".join(f"{move.component}: {move.to_label}\n" for move in moves),
        }
    if task.check_mode:
        return result
    began = time.monotonic()
    with task.journal.stage("switch"):
        moved = switch(
            task.platform,
            moves,
            order={item["name"]: item["after"] for item in task.params["components"]},
            message=task.params["message"],
            force=task.params["accept_secret_change"],
            journal=task.journal,
        )
    result["moved"] = [asdict(item) for item in moved]
    result["seconds"] = round(time.monotonic() - began, 4)
    result["changed"] = any(item.state == "moved" for item in moved)
    if not all(item.at_target for item in moved):
        result["outcome"] = _end(task.params["environment_name"], moves, moved)
    return result


def _end(environment: str, moves: list[Move], moved: list[Moved]) -> dict[str, Any]:
    label = {move.component: move.to_label for move in moves}
    before = {move.component: move.from_label for move in moves}
    again = f"ansible-playbook rollback.yml -i {environment}"
    details = [
        f"{item.component}: at {label[item.component]}, the target"
        if item.at_target
        else f"{item.component}: still at {item.where or before[item.component]}: {item.problem}"
        for item in moved
    ]
    missing = [item for item in moved if not item.at_target]
    secrets = sorted({name for item in missing for name in item.secrets})
    if secrets:
        again += " -e accept_secret_change=true"
    arrived = len(moved) - len(missing)
    if arrived:
        message = f"the set is mixed: {arrived} of {len(moved)} components arrived"
        return outcome(PARTIAL, message, next_=f"{again}  (goes on from here)", details=details)
    if all(item.state == "stayed" for item in missing):
        return outcome(
            REFUSED, "nothing was changed: no component could be moved", next_=again, details=details
        )
    return outcome(
        FAILED,
        "no component is known to have arrived",
        next_=f"{again}  (goes on from here)",
        details=details,
    )
