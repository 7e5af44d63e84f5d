"""Move Workers and Pages to the planned versions, all at once, and read back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ..cloudflare.switch import Moved, put_back, switch
from ..outcome import FAILED, PARTIAL, REFUSED, RESTORED, outcome
from ..release.plan import Move
from .options import CLOUDFLARE, COMPONENTS, LOCKED, MOVING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **MOVING,
    **LOCKED,
    "on_partial": {"type": "str", "choices": ["converge", "restore", "stop"], "default": "converge"},
    "converge_seconds": {"type": "float", "default": 60},
}

_PAUSE = 2.0


def work(task: Task) -> dict[str, Any]:
    """Switch; where the set did not arrive whole, do what the policy says, and say where everything stands."""
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
    policy = task.params["on_partial"]

    def go(todo: list[Move]) -> list[Moved]:
        return switch(
            task.platform,
            todo,
            order={item["name"]: item["after"] for item in task.params["components"]},
            message=task.params["message"],
            force=task.params["accept_secret_change"],
            journal=task.journal,
        )

    with task.keeping_lock(), task.journal.stage("switch", on_partial=policy):
        moved = go(moves)
        if policy == "converge":
            moved = _converge(go, moves, moved, began + task.params["converge_seconds"])
        restored = _restore(task, moves, moved) if policy == "restore" and not _whole(moved) else []
    result["moved"] = [asdict(item) for item in moved]
    result["seconds"] = round(time.monotonic() - began, 4)
    result["changed"] = any(item.state == "moved" for item in moved)
    result["notes"] = [
        f"{item.component}: a deploy came in between: {', '.join(item.overrode)} served for a moment, "
        "and does not any more"
        for item in moved
        if item.overrode
    ]
    result["restored"] = bool(restored) and _whole(restored)
    if not _whole(moved):
        environment = task.params["environment_name"]
        result["outcome"] = _end(environment, moves, moved, restored)
    return result


def _whole(moved: list[Moved]) -> bool:
    return all(item.at_target for item in moved)


def _converge(
    go: Callable[[list[Move]], list[Moved]], moves: list[Move], moved: list[Moved], until: float
) -> list[Moved]:
    """Go on with what may still arrive. What was refused for good stays."""
    found = {item.component: item for item in moved}
    while time.monotonic() + _PAUSE < until:
        todo = [
            move for move in moves if not found[move.component].at_target and not found[move.component].final
        ]
        if not todo:
            break
        time.sleep(_PAUSE)
        found |= {item.component: item for item in go(todo)}
    return list(found.values())


def _restore(task: Task, moves: list[Move], moved: list[Moved]) -> list[Moved]:
    """Take back what did arrive, so that the old set is whole again."""
    state = {item.component: item.state for item in moved}
    return put_back(
        task.platform,
        [move for move in moves if move.changes and state[move.component] in ("moved", "unknown")],
        message=f"{task.params['message']}: not whole, so the old set again",
        force=True,
        journal=task.journal,
    )


def _end(environment: str, moves: list[Move], moved: list[Moved], restored: list[Moved]) -> dict[str, Any]:
    label = {move.component: move.to_label for move in moves}
    before = {move.component: move.from_label for move in moves}
    back = {item.component: item for item in restored}
    again = f"ansible-playbook rollback.yml -i {environment}"
    details = []
    for item in moved:
        name = item.component
        if name in back and back[name].at_target:
            why = f": {item.problem}" if item.problem else ""
            details.append(f"{name}: at {before[name]} again, as before{why}")
        elif name in back:
            details.append(f"{name}: did not go back to {before[name]}: {back[name].problem}")
        elif item.at_target:
            details.append(f"{name}: at {label[name]}, the target")
        elif item.state == "unknown":
            details.append(f"{name}: not known where, it was at {before[name]}: {item.problem}")
        else:
            details.append(f"{name}: still at {item.where or before[name]}: {item.problem}")
    missing = [item for item in moved if not item.at_target]
    secrets = sorted({name for item in missing for name in item.secrets})
    if secrets:
        again += " -e accept_secret_change=true"
    if restored and all(item.at_target for item in restored):
        message = f"{missing[0].component} did not arrive, so the old set serves again, whole"
        return outcome(RESTORED, message, next_=again, details=details)
    arrived = sum(item.at_target for item in moved)
    goes_on = f"{again}  (goes on from here)"
    if arrived or restored:
        message = f"the set is mixed: {arrived} of {len(moved)} components arrived"
        return outcome(PARTIAL, message, next_=goes_on, details=details)
    if all(item.state == "stayed" for item in missing):
        return outcome(
            REFUSED, "nothing was changed: no component could be moved", next_=again, details=details
        )
    return outcome(FAILED, "no component is known to have arrived", next_=goes_on, details=details)
