"""Decide per database what has to happen when the code goes back, with the loss counted. Changes no data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from ..concurrent import each
from ..database.decide import DOWN, NOTHING, REFUSE, REWIND, decide
from ..database.level import UnknownLevel, applied_after
from ..database.loss import Loss, measure
from ..database.managed import Managed
from ..database.words import loss_in_words
from ..outcome import REFUSED, outcome
from ..release.text import columns
from .options import CLOUDFLARE, DATABASES, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **DATABASES,
    "release": {"type": "str", "required": True},
    "release_made": {"type": "str", "default": ""},
    "levels": {"type": "dict", "default": {}},
    "plan_hash": {"type": "str", "default": ""},
    "needs_approval": {"type": "bool", "default": False},
    "only_plan": {"type": "bool", "default": False},
    "accept_loss": {"type": "str", "default": ""},
}


# Seconds that a rollback waits to note down a database that stays where it is.
_NOTE = 5.0
_METHODS = {"nothing": NOTHING, "down": DOWN, "rewind": REWIND}


def work(task: Task) -> dict[str, Any]:
    """Plan all databases at once; refuse what cannot be decided, or loses more than was allowed."""
    params = task.params
    with task.journal.stage("databases"):
        planned: list[dict[str, Any]] = []
        problems: list[str] = []
        todo = params["databases"]
        for declared, made in zip(todo, each(lambda item: _plan_one(task, item), todo), strict=True):
            if isinstance(made, Exception):
                problems.append(f"{declared['name']}: {made}")
            else:
                planned.append(made)
        hash_ = _hash(params["plan_hash"] or params["release"], planned)
        table = _table(planned)
        shown = [{key: value for key, value in item.items() if key != "snapshot"} for item in planned]
        task.journal.write("databases.plan", hash=hash_, databases=shown)
    result: dict[str, Any] = {"databases": planned, "hash": hash_, "table": table}
    allowed = {item["name"]: item["loss_allowed"] for item in todo}
    for item in planned:
        item["within_limit"] = _is_allowed(item, allowed[item["name"]])
    again = f"ansible-playbook rollback.yml -i {params['environment_name']}"
    approval = " -e approved_by=<who> -e reason='<why>'" if params["needs_approval"] else ""
    refused = [item for item in planned if item["method"] == REFUSE]
    if problems or refused:
        details = [*problems, *table, *_choice_lines(refused, again)]
        names = ", ".join([text.split(":")[0] for text in problems] + [item["name"] for item in refused])
        result["outcome"] = outcome(
            REFUSED,
            f"nothing was changed: it is not clear what has to happen to {names}",
            next_="choose one of the ways above"
            if refused
            else f"put right what is said above, then: {again}",
            details=details,
        )
    elif (
        not params["only_plan"]
        and not all(item["within_limit"] for item in planned)
        and params["accept_loss"] != hash_
    ):
        result["outcome"] = outcome(
            REFUSED,
            "nothing was changed: data would be lost",
            next_=f"{again} -e accept_loss={hash_}{approval}, if that is acceptable",
            details=table,
        )
    return result


def _plan_one(task: Task, declared: Mapping[str, Any]) -> dict[str, Any]:
    release = task.params["release"]
    with task.database(declared) as database:
        status = database.driver.status()
        if status.dirty is not None:
            raise UnknownLevel(f"{status.dirty} is half-applied: {'; '.join(status.problems)}")
        wanted = _METHODS.get(declared["method"])
        made = task.params["release_made"]
        ids = applied_after(
            release,
            status.applied,
            declared={**_recorded(task, declared["name"]), **declared["schema_levels"]},
            applied_at=database.applied_at(),
            released=datetime.fromisoformat(made) if made else None,
        )
        files = {migration.id: migration for migration in database.driver.available()}
        unknown = [id_ for id_ in ids if id_ not in files]
        if unknown:
            raise UnknownLevel(
                f"{', '.join(unknown)} is applied, and its file is not in {declared['migrations']['path']}"
            )
        since = [files[id_] for id_ in ids]
        earlier = database.earlier(ids[-1]) if ids else None
        works = _works(declared, release, status.applied)
        rewind = earlier.what if earlier else None
        findings = database.driver.judge(ids)
        decision = decide(release, since, findings, works_with_now=works, rewind=rewind, wanted=wanted)
        if decision.method == REFUSE and declared["when_unclear"] != "refuse":
            wanted = _METHODS[declared["when_unclear"]]
            unclear = decision
            decision = decide(release, since, findings, works_with_now=works, rewind=rewind, wanted=wanted)
            why = f"{unclear.why}; when_unclear says {declared['when_unclear']}"
            if decision.method == REFUSE:
                why += f", but {decision.why}"
            decision = replace(decision, why=why)
        level = status.applied[len(status.applied) - len(ids) - 1] if len(ids) < len(status.applied) else ""
        losses = _losses(database, decision.method, level, earlier)
        snapshot = None
        if not task.check_mode:
            snapshot = database.snapshot(_NOTE if decision.method == NOTHING else None)
        left_out = snapshot["left_out"] if snapshot else ()
        if left_out:
            decision = replace(decision, why="; ".join([decision.why, *left_out]))
    return {
        "name": declared["name"],
        "kind": declared["kind"],
        "method": decision.method,
        "why": decision.why,
        "since": ids,
        "level": level,
        "losses": [asdict(loss) for loss in losses],
        "earlier": asdict(earlier) if earlier and decision.method == REWIND else None,
        "snapshot": snapshot,
        "choices": [list(choice) for choice in decision.choices],
    }


def _recorded(task: Task, name: str) -> dict[str, str]:
    """The level that the ledger recorded with the release."""
    level = task.params["levels"].get(name)
    return {task.params["release"]: level} if level else {}


def _works(declared: Mapping[str, Any], release: str, applied: tuple[str, ...]) -> bool | None:
    up_to = declared["schema_works_up_to"].get(release)
    if up_to is None:
        return None
    # Ids of migrations are made to sort, and the declared one need not be applied any more.
    return max(applied, default="") <= str(up_to)


def _losses(database: Managed, method: str, level: str, earlier: Any) -> list[Loss]:
    if method == DOWN:
        steps = database.driver.plan_down(level or None)
        return measure((finding for step in steps for finding in step.findings), database.rows)
    return database.losses(earlier) if method == REWIND else []


def _is_allowed(item: Mapping[str, Any], allowed: int) -> bool:
    rows = [loss["rows"] for loss in item["losses"]]
    return None not in rows and sum(rows) <= allowed


def _hash(of_the_code: str, planned: list[dict[str, Any]]) -> str:
    """The hash of the whole plan: of what happens to the code, and to every database."""
    essence = [
        of_the_code,
        sorted((item["name"], item["method"], item["level"], item["since"]) for item in planned),
    ]
    return hashlib.sha256(json.dumps(essence).encode()).hexdigest()[:12]


def _table(planned: list[dict[str, Any]]) -> list[str]:
    lines = columns([("database", "how", "why")] + [(i["name"], i["method"], i["why"]) for i in planned])
    for item in planned:
        if item["earlier"]:
            lines.append(f"{item['name']}: {item['earlier']['what']}")
        lines += [f"{item['name']}: would lose {loss_in_words(loss)}" for loss in item["losses"]]
    return lines


def _choice_lines(refused: list[dict[str, Any]], again: str) -> list[str]:
    words = {NOTHING: "nothing", DOWN: "down", REWIND: "rewind"}
    return [
        f"{again} -e '{json.dumps({'database_method': {item['name']: words[method]}})}'   {text}"
        for item in refused
        for method, text in item["choices"]
    ]
