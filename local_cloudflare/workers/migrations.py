"""Durable Object migrations: which classes a Worker owns, and the line a rollback cannot cross."""

import hashlib
import json
import sqlite3
from typing import Any

from local_cloudflare.envelope import ApiError
from local_cloudflare.workers import shapes
from local_cloudflare.workers.model import own_refusal


def apply(db: sqlite3.Connection, script: sqlite3.Row, migrations: dict[str, Any]) -> None:
    """Applies metadata.migrations of a script upload; nothing when the new tag is already the present one.

    ApiError 10079 when old_tag is not the present tag. Every applied migration raises the script's epoch;
    versions of an earlier epoch can no longer be deployed.
    """
    shapes.check(migrations)
    present, new_tag = script["migration_tag"], migrations.get("new_tag")
    if new_tag is not None and new_tag == present:
        return
    if migrations.get("old_tag") != present:
        raise ApiError(
            412,
            10079,
            f"Migration tag precondition failed; expected tag '{migrations.get('old_tag') or '<none>'}',"
            f" but current tag is '{present or '<none>'}'.",
        )
    classes: dict[str, bool] = json.loads(script["classes"])
    for step in migrations.get("steps") or [migrations]:
        shapes.check(step)
        if step.get("transferred_classes"):
            raise own_refusal("Transferring Durable Object classes between Workers is not supported here.")
        for renamed in step.get("renamed_classes") or []:
            shapes.check(renamed)
            if not {"from", "to"} <= renamed.keys() or renamed["from"] not in classes:
                raise ApiError(400, 10021, f"Cannot rename class '{renamed.get('from')}': it does not exist.")
            classes[renamed["to"]] = classes.pop(renamed["from"])
        for deleted in step.get("deleted_classes") or []:
            classes.pop(deleted, None)
        classes |= dict.fromkeys(step.get("new_classes") or [], False)
        classes |= dict.fromkeys(step.get("new_sqlite_classes") or [], True)
    db.execute(
        "UPDATE scripts SET migration_tag = ?, epoch = epoch + 1, classes = ? WHERE name = ?",
        (new_tag, json.dumps(classes), script["name"]),
    )


def namespaces(script: sqlite3.Row) -> list[dict[str, Any]]:
    """The Durable Object namespaces of a Worker, one per class."""
    name = script["name"]
    return [
        {
            "id": hashlib.sha256(f"{name}:{class_name}".encode()).hexdigest()[:32],
            "name": f"{name}_{class_name}",
            "script": name,
            "class": class_name,
            "use_sqlite": use_sqlite,
        }
        for class_name, use_sqlite in json.loads(script["classes"]).items()
    ]
