"""Write down in the ledger how a run ended, freeze what would undo it, and give the lock back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cloudflare.automatic import pause, to_pause
from ..cloudflare.hold import hold
from ..concurrent import each
from ..journal import last_outcome, read
from ..ledger.errors import LedgerError
from ..ledger.lock import release
from ..ledger.view import Goal, View
from ..outcome import DONE, FAILED, INVALID, NOT_PROVED, PARTIAL
from ..release.choose import UNNAMED
from ..release.model import Component
from ..verdict.posture import headers_seen
from .options import CLOUDFLARE, LEDGER, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **LEDGER,
    "plan": {"type": "dict", "default": {}},
    "validated": {"type": "bool", "default": False},
    "freeze": {"type": "bool", "default": True},
    "hold": {"type": "bool", "default": False},
}


def work(task: Task) -> dict[str, Any]:
    """Record; nothing that goes wrong here takes back what the run did."""
    if task.check_mode:
        return {}
    notes: list[str] = []
    try:
        notes = _write(task)
    except LedgerError as error:
        task.journal.write("ledger.trouble", why=str(error))
        notes.append(f"the ledger was not written: {error}")
    finally:
        _unlock(task)
    return {"warnings": notes} if notes else {}


def _write(task: Task) -> list[str]:
    plan = task.params["plan"]
    ended = last_outcome(task.journal.path)
    code = ended["exit_code"] if ended else None
    arrived = bool(plan) and code in (DONE, INVALID, NOT_PROVED)
    known = task.ledger.view()
    # The goal of an earlier run is reached as well, when this run stands where that one wanted to go.
    reached = {move["component"]: move["to_id"] for move in plan.get("moves", [])}
    done = [
        goal
        for goal in _pending(known)
        if goal.run == task.journal.run or (arrived and _covered(goal.body, reached))
    ]
    new: list[tuple[str, Mapping[str, Any]]] = []
    records, head = task.journal.head
    # With the ledger elsewhere, who can write the journal here cannot write it anew unseen (knowngood verify -i).
    noted = {"journal": {"records": records, "head": head}}
    for goal in done:
        told = {"run": goal.run, "by_run": task.journal.run, "at_target": arrived, **_told(ended)}
        new.append(("end", told | noted))
        if arrived:
            new += _condemned(goal.body, task.journal.run)
    # A validation that fails after a rollback is no word against the release: the next run would move on unasked.
    whole = arrived and not plan["left_out"] and plan["release"] != UNNAMED
    if code == DONE and whole and task.params["validated"]:
        new += _evidence(task, plan, reached, known)
    if new:
        task.ledger.append(*new)
    if not (arrived and done):
        return []
    notes = _freeze(task, plan, known) if task.params["freeze"] else []
    return notes + (_hold(task, plan) if task.params["hold"] else [])


def _pending(known: View) -> list[Goal]:
    """Goals that nobody is known to have reached: of runs that were killed, and of the last ones, where they failed.

    What a run cannot read back it calls failed, although it may have arrived.
    """
    found, last = [], True
    for goal in reversed(known.goals.values()):
        failed = goal.end is not None and goal.end.get("exit_code") in (PARTIAL, FAILED)
        last = last and (failed or goal.end is None)
        if goal.end is None or (failed and last):
            found.append(goal)
    return found[::-1]


def _covered(body: Mapping[str, Any], reached: Mapping[str, str]) -> bool:
    return all(reached.get(move["component"]) == move["to_id"] for move in body["moves"])


def _told(ended: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: ended[name] for name in ("exit_code", "verdict", "message")} if ended else {}


def _condemned(body: Mapping[str, Any], run: str) -> list[tuple[str, Mapping[str, Any]]]:
    """What was rolled back from: the releases by name, and every version that served."""
    leaves = body["leaves"]
    reason = body.get("reason") or body.get("emergency") or f"rolled back from by run {body['run']}"
    told = {"reason": reason, "incident": body.get("incident"), "run": run}
    names: list[str | None] = list(leaves["releases"]) or [None]
    # A split serves two versions of a component.
    layers = [dict(layer) for layer in _layers(leaves["versions"])] or [{}]
    # The versions stand under the name of the release, so that one clearance clears both.
    new = [{"release": names[0], "versions": layer, **told} for layer in layers]
    new += [{"release": name, "versions": {}, **told} for name in names[1:]]
    return [("condemned", body) for body in new if body["release"] or body["versions"]]


def _layers(versions: Mapping[str, list[str]]) -> list[list[tuple[str, str]]]:
    deepest = max((len(ids) for ids in versions.values()), default=0)
    return [
        [(name, ids[layer]) for name, ids in versions.items() if layer < len(ids)] for layer in range(deepest)
    ]


def _evidence(
    task: Task, plan: Mapping[str, Any], versions: Mapping[str, str], known: View
) -> list[tuple[str, Mapping[str, Any]]]:
    new: list[tuple[str, Mapping[str, Any]]] = []
    recorded = known.release(plan["release"])
    if recorded is None:
        new.append(("release", {"release": plan["release"], "versions": dict(versions), "databases": {}}))
    new.append(
        (
            "evidence",
            {
                "release": plan["release"],
                "verdict": "pass",
                "tier": "quick",
                "run": task.journal.run,
                "headers": headers_seen(read(task.journal.path), versions),
            },
        )
    )
    return new


def _freeze(task: Task, plan: Mapping[str, Any], known: View) -> list[str]:
    """Stop what would deploy over the release by itself: Pages deploys on every push. The problems, in words.

    What is to be put back is written down first, or a run killed in between would leave a pause for ever.
    """
    if known.frozen is not None:
        return []
    projects = [move["target"] for move in plan["moves"] if move["kind"] == "pages"]
    found = each(lambda name: to_pause(task.client, name), projects)
    pages = {name: told for name, told in zip(projects, found, strict=True) if isinstance(told, dict)}
    reason = f"rolled back to {plan['release']}"
    task.ledger.append(("frozen", {"reason": reason, "run": task.journal.run, "pages": pages}))
    paused = each(lambda name: pause(task.client, name), pages)
    task.journal.write("frozen", paused=list(pages))
    problems = [*zip(projects, found, strict=True), *zip(pages, paused, strict=True)]
    return [
        f"automatic deployments of {name} were not paused: {error}"
        for name, error in problems
        if isinstance(error, Exception)
    ]


def _hold(task: Task, plan: Mapping[str, Any]) -> list[str]:
    """Keep the code of what was left beside the journal, before Cloudflare forgets it. The problems, in words."""
    target = {
        move["component"]: Component(move["component"], move["kind"], move["target"])
        for move in plan["moves"]
    }
    todo = [(target[name], id_) for name, ids in plan["leaves"]["versions"].items() for id_ in ids]
    folder = task.journal.path.parent / "held"
    done = each(lambda item: hold(task.client, item[0], item[1], folder), todo)
    kept = {item[0].name: item[1] for item, found in zip(todo, done, strict=True) if isinstance(found, list)}
    if kept:
        task.ledger.append(("held", {"versions": kept, "run": task.journal.run, "folder": str(folder)}))
        task.journal.write("held", versions=kept, folder=str(folder))
    return [
        f"{component.name}: {id_} was not held: {found}"
        for (component, id_), found in zip(todo, done, strict=True)
        if isinstance(found, Exception)
    ]


def _unlock(task: Task) -> None:
    try:
        release(task.ledger, task.journal.run)
    except LedgerError as error:
        task.journal.write("lock.kept", why=str(error))
