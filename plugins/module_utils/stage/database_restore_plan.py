"""Plan to take databases back to an earlier moment, whatever the code is: with the loss counted, and consent asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ..concurrent import each
from ..database.decide import REWIND
from ..database.words import loss_in_words
from ..outcome import DONE, REFUSED, outcome
from ..release.consent import lacking
from ..release.text import columns
from .options import CLOUDFLARE, DATABASES, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **DATABASES,
    "moment": {"type": "str", "default": ""},
    "accept_loss": {"type": "str", "default": ""},
    "require_approval": {"type": "dict", "default": {}},
    "approved_by": {"type": "str", "default": ""},
    "reason": {"type": "str", "default": ""},
    "emergency": {"type": "str", "default": ""},
}


class _NoWayBack(Exception):
    """There is no state to go back to."""


def work(task: Task) -> dict[str, Any]:
    """What a rewind would do, per database. Without a backup that can be proved nothing goes on."""
    params = task.params
    again = f"ansible-playbook recovery.yml -i {params['environment_name']} -e step=database"
    moment = _moment(params["moment"])
    if isinstance(moment, str):
        return _refused(moment, f"{again} -e moment=2026-11-27T06:00:00Z")
    if moment is not None:
        again += f" -e moment={params['moment']}"
    todo = params["databases"]
    if not todo:
        return _refused(
            "no database is in this run", "name one with --limit, or declare it (docs/databases.md)"
        )
    with task.journal.stage("databases"):
        made = each(lambda declared: _plan(task, declared, moment), todo)
        problems = [
            f"{declared['name']}: {found}"
            for declared, found in zip(todo, made, strict=True)
            if isinstance(found, Exception)
        ]
        planned = [found for found in made if not isinstance(found, Exception)]
        hash_ = _hash(planned)
        table = _table(planned)
        shown = [{key: value for key, value in item.items() if key != "snapshot"} for item in planned]
        if shown:
            task.journal.write("databases.plan", hash=hash_, databases=shown)
    if problems:
        next_ = "make a backup (backup.yml), give another moment, or leave databases out with --limit"
        return _refused("not every database has a way back", next_, [*problems, *table])
    result: dict[str, Any] = {"databases": planned, "hash": hash_, "again": again}
    lost = [item["name"] for item in planned if item["losses"]]
    if task.check_mode:
        message = f"only a check, nothing was changed: {len(planned)} database(s) would go back"
        consent = f" -e accept_loss={hash_}" if lost else ""
        return {**result, "outcome": outcome(DONE, message, next_=again + consent, details=table)}
    if lost and params["accept_loss"] != hash_:
        return _refused(
            f"{', '.join(lost)} would lose data",
            f"{again} -e accept_loss={hash_}, if that is acceptable",
            table,
        )
    lacks = lacking(
        params["require_approval"],
        ["data_loss"] if lost else [],
        approved=params["accept_loss"] == hash_,
        by=params["approved_by"],
        reason=params["reason"],
        emergency=params["emergency"],
    )
    if lacks:
        given = f"{again} -e accept_loss={hash_} -e approved_by=<who> -e reason='<why>'"
        return _refused(lacks, f"{given}; or -e emergency='<why>'", table)
    return result


def _moment(text: str) -> datetime | str | None:
    """The moment, ``None`` where none is given, or what is wrong with it."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return f"-e moment={text} is no time in ISO 8601"
    if moment.tzinfo is None:
        return f"-e moment={text} has no time zone; write {text}Z for UTC"
    if moment > datetime.now(UTC):
        return f"-e moment={text} is in the future"
    return moment.astimezone(UTC)


def _plan(task: Task, declared: Mapping[str, Any], moment: datetime | None) -> dict[str, Any]:
    with task.database(declared) as database:
        earlier = database.at(moment)
        if earlier is None and declared["kind"] == "d1" and moment is None:
            raise _NoWayBack(
                "D1 keeps every moment of the last 30 days: say which one with -e moment=<ISO 8601>"
            )
        if earlier is None:
            raise _NoWayBack(
                "there is no backup of that moment or before it" if moment else "there is no backup"
            )
        losses = database.losses(earlier)
        snapshot = None if task.check_mode else database.snapshot()
    return {
        "name": declared["name"],
        "kind": declared["kind"],
        "method": REWIND,
        "why": "asked for",
        "since": [],
        "level": "",
        "losses": [asdict(loss) for loss in losses],
        "earlier": asdict(earlier),
        "snapshot": snapshot,
    }


def _hash(planned: Sequence[Mapping[str, Any]]) -> str:
    """Twelve hex digits: what is restored. What is lost grows while the application writes, and is shown."""
    essence = sorted((item["name"], item["earlier"]["token"]) for item in planned)
    return hashlib.sha256(json.dumps(essence).encode()).hexdigest()[:12]


def _table(planned: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [("database", "how")] + [(item["name"], item["earlier"]["what"]) for item in planned]
    lines = columns(rows) if planned else []
    lines += [
        f"{item['name']}: would lose {loss_in_words(loss)}" for item in planned for loss in item["losses"]
    ]
    return lines


def _refused(why: str, next_: str, details: list[str] | None = None) -> dict[str, Any]:
    return {"outcome": outcome(REFUSED, f"nothing was changed: {why}", next_=next_, details=details)}
