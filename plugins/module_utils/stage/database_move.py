"""Take the databases to where the plan says, so that the code that comes back can use their schema."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..concurrent import each
from ..database.decide import DOWN, NOTHING, REWIND
from ..database.managed import Earlier
from ..database.words import loss_in_words
from ..outcome import FAILED, PARTIAL, outcome
from .options import CLOUDFLARE, DATABASES, LOCKED, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **DATABASES,
    **LOCKED,
    "accept_loss": {"type": "str", "default": ""},
    "planned": {"type": "list", "elements": "dict", "required": True},
    "again": {"type": "str", "default": ""},
}


def work(task: Task) -> dict[str, Any]:
    """Move all that has to move, concurrently; what would be lost is kept first."""
    declared = {item["name"]: item for item in task.params["databases"]}
    moving = [item for item in task.params["planned"] if item["method"] != NOTHING]
    result: dict[str, Any] = {"moved": [], "notes": [], "changed": bool(moving)}
    if task.check_mode or not moving:
        return result
    with task.keeping_lock(), task.journal.stage("databases.move"):
        outcomes = each(lambda item: _move(task, declared[item["name"]], item), moving)
    failed = []
    for item, done in zip(moving, outcomes, strict=True):
        if isinstance(done, Exception):
            task.journal.write("database.failed", database=item["name"], problem=str(done))
            failed.append(f"{item['name']}: {done}")
        else:
            result["moved"].append(done)
            result["notes"] += _notes(task, item, done)
    if failed:
        arrived = [f"{item['name']}: {item['method']}, done" for item in result["moved"]]
        again = task.params["again"] or f"ansible-playbook rollback.yml -i {task.params['environment_name']}"
        message = f"{len(failed)} of {len(moving)} databases did not arrive; the code was not touched"
        code = PARTIAL if arrived else FAILED
        result["outcome"] = outcome(
            code, message, next_=f"{again}  (goes on from here)", details=[*failed, *arrived]
        )
    return result


def _notes(task: Task, item: Mapping[str, Any], done: Mapping[str, Any]) -> list[str]:
    what = f": {item['earlier']['what']}" if item["earlier"] else ""
    notes = [f"{item['name']}: {item['method']}{what}"]
    notes += [f"{item['name']}: lost {loss_in_words(loss)}" for loss in done["losses"]]
    notes += [f"{item['name']}: kept in {path}" for path in done["kept"]]
    if done["undo"]:
        again = (
            f"ansible-playbook rollback.yml -i {task.params['environment_name']} -e undo={task.journal.run}"
        )
        aside = f" (as it was: database {done['undo']['kept']})" if "kept" in done["undo"] else ""
        notes.append(f"{item['name']}: to take that back: {again}{aside}")
    return notes


def _move(task: Task, declared: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    folder = task.journal.path.parent / "kept" / item["name"]
    done: dict[str, Any] = {"method": item["method"], "undo": {}, "losses": item["losses"]}
    with task.database(declared) as database:
        for number, loss in enumerate(item["losses"], start=1):
            if loss["rows_sql"]:
                _keep(database.rows(loss["rows_sql"]), folder, number, loss)
        if item["method"] == DOWN:
            database.driver.down(item["level"] or None)
        elif item["method"] == REWIND:
            limit = None if task.params["accept_loss"] else declared["loss_allowed"]
            rewound = database.rewind(Earlier(**item["earlier"]), limit)
            done |= {"undo": rewound.undo, "losses": [asdict(loss) for loss in rewound.losses]}
        done["kept"] = sorted(str(path) for path in folder.glob("*"))
        task.journal.write("database.moved", database=item["name"], **done)
    return {"name": item["name"], **done}


def _keep(rows: list[Any], folder: Path, number: int, loss: Mapping[str, Any]) -> None:
    """The rows that are about to be lost, one JSON object or array a line, readable by their owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{number:02}-{''.join(c for c in loss['table'] if c.isalnum() or c in '_-')}.jsonl"
    with open(path, "w", encoding="utf-8", opener=_private) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
