"""Durable Object migrations: which classes a Worker owns, and the line a rollback cannot cross."""

import json
import sqlite3
from typing import Any

from local_cloudflare.envelope import ApiError
from local_cloudflare.workers.model import own_refusal


def apply(db: sqlite3.Connection, script: sqlite3.Row, migrations: Any) -> None:
    """Applies metadata.migrations of a script upload; nothing when the new tag is already the present one.

    ApiError 10079 when old_tag is not the present tag. Every applied migration raises the script's epoch;
    versions of an earlier epoch can no longer be deployed.
    """
    if not isinstance(migrations, dict):
        raise ApiError(400, 10021, "migrations must be an object")
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
    classes = set(json.loads(script["classes"]))
    for step in migrations.get("steps", [migrations]):
        classes |= {*step.get("new_classes", []), *step.get("new_sqlite_classes", [])}
        classes -= set(step.get("deleted_classes", []))
        if step.get("transferred_classes"):
            raise own_refusal("Transferring Durable Object classes between Workers is not supported here.")
        for renamed in step.get("renamed_classes", []):
            if renamed["from"] not in classes:
                raise ApiError(400, 10021, f"Cannot rename class '{renamed['from']}': it does not exist.")
            classes = (classes - {renamed["from"]}) | {renamed["to"]}
    db.execute(
        "UPDATE scripts SET migration_tag = ?, epoch = epoch + 1, classes = ? WHERE name = ?",
        (new_tag, json.dumps(sorted(classes)), script["name"]),
    )
