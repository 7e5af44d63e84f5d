"""Versions of a Worker: upload, list, view, content, and the merge-patch of the newest one."""

import json
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.envelope import ACCOUNT, ApiError, body_object, ok, page
from local_cloudflare.store import Store
from local_cloudflare.workers import bindings as bound
from local_cloudflare.workers import shapes, upload
from local_cloudflare.workers.model import (
    DEPLOYABLE_VERSIONS,
    Draft,
    add_version,
    author,
    find_script,
    find_version,
    newest_version,
)

STARTUP_TIME_MS = 1
"""The API reports the measured start-up time of the code; here it is not measured."""


def summary(row: sqlite3.Row) -> dict[str, Any]:
    """A version as lists show it."""
    return {
        "id": row["id"],
        "number": row["number"],
        "metadata": {
            "created_on": row["created_on"],
            "modified_on": row["created_on"],
            "source": row["source"],
            "author_id": row["author_id"],
            "author_email": row["author_email"],
            "has_preview": False,
            "hasPreview": False,
        },
        "annotations": json.loads(row["annotations"]),
    }


def detail(row: sqlite3.Row) -> dict[str, Any]:
    """A version as its view shows it."""
    runtime = json.loads(row["runtime"])
    if row["migration_tag"]:
        runtime["migration_tag"] = row["migration_tag"]
    return {
        **summary(row),
        "resources": {
            "script": {
                "etag": row["code"],
                "handlers": ["fetch"],
                "named_handlers": [],
                "last_deployed_from": row["source"],
            },
            "script_runtime": runtime,
            "bindings": bound.redacted(json.loads(row["bindings"])),
        },
        "startup_time_ms": STARTUP_TIME_MS,
    }


def draft(
    db: sqlite3.Connection, script: sqlite3.Row, given: upload.Upload, triggered_by: str, *, strict: bool
) -> Draft:
    """A new version of `script` from an upload, its bindings resolved against the newest version."""
    previous = []
    if script["last_number"]:
        previous = json.loads(newest_version(db, script["name"])["bindings"])
    metadata = given.metadata
    found = bound.resolve(metadata.get("bindings"), metadata.get("keep_bindings"), previous, strict=strict)
    bound.check_targets(db, script["name"], found, json.loads(script["classes"]))
    return Draft(
        given.modules_json, metadata["main_module"], given.runtime, found, given.annotations(triggered_by)
    )


def strict_inherit(request: Request) -> bool:
    return request.query_params.get("bindings_inherit") == "strict"


def routes(store: Store, who: Identity) -> list[Route]:
    """Endpoints below /client/v4."""

    async def create(request: Request) -> Response:
        name = request.path_params["script"]
        find_script(store.db, name)
        given = await upload.read(request)
        if given.metadata.get("migrations"):
            raise ApiError(
                400,
                10211,
                "Version upload failed. Versions that contain a Durable Object migration cannot be uploaded;"
                " deploy the migration with a script upload first.",
            )
        with store.transaction() as db:
            made = draft(db, find_script(db, name), given, "version_upload", strict=strict_inherit(request))
            row = add_version(db, name, made, author(request, who))
        return ok(detail(row))

    async def listing(request: Request) -> Response:
        name = request.path_params["script"]
        find_script(store.db, name)
        if request.query_params.get("deployable") == "true":
            # The real API ignores paging here, but the SDK iterates until a page is empty.
            first = request.query_params.get("page", "1") == "1"
            limit = DEPLOYABLE_VERSIONS if first else 0
            rows = store.db.execute(
                "SELECT * FROM versions WHERE script = ? ORDER BY number DESC LIMIT ?", (name, limit)
            ).fetchall()
            return ok({"items": [summary(row) for row in rows]})
        rows = store.db.execute(
            "SELECT * FROM versions WHERE script = ? ORDER BY number DESC", (name,)
        ).fetchall()
        part, info = page(request, rows, per_page=10)
        return ok({"items": [summary(row) for row in part]}, info)

    async def view(request: Request) -> Response:
        return ok(detail(find_version(store.db, request.path_params["script"], request.path_params["id"])))

    async def content(request: Request) -> Response:
        name = request.path_params["script"]
        wanted = request.query_params.get("version")
        row = find_version(store.db, name, wanted) if wanted else newest_version(store.db, name)
        return upload.form(row["main_module"], json.loads(Draft.of(store.db, row).modules_json))

    async def patch_latest(request: Request) -> Response:
        name = request.path_params["script"]
        patch = await body_object(request)
        shapes.check(patch)
        env = patch.get("env") or {}
        if set(patch) - {"env", "annotations"}:
            raise ApiError(400, 10021, "Only env and annotations of the latest version can be patched here.")
        with store.transaction() as db:
            find_script(db, name)
            old = Draft.of(db, newest_version(db, name))
            merged = {b["name"]: b for b in old.bindings}
            for key, value in env.items():
                if value is None:
                    merged.pop(key, None)
                else:
                    shapes.check_binding({"name": key, **(value if isinstance(value, dict) else {})})
                    merged[key] = {**value, "name": key}
                    if value["type"] in bound.SECRETS:
                        shapes.check_secret(merged[key])
            notes = {**upload.annotations(patch), "workers/triggered_by": "secret"}
            new = Draft(old.modules_json, old.main_module, old.runtime, list(merged.values()), notes)
            row = add_version(db, name, new, author(request, who))
        return ok(detail(row))

    scripts = ACCOUNT + "/workers/scripts/{script}"
    return [
        Route(scripts + "/versions", create, methods=["POST"]),
        Route(scripts + "/versions", listing),
        Route(scripts + "/versions/{id}", view),
        Route(scripts + "/content/v2", content),
        Route(ACCOUNT + "/workers/workers/{script}/versions/latest", patch_latest, methods=["PATCH"]),
    ]
