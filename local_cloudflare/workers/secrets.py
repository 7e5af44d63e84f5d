"""Secrets of a Worker: every change makes a version and deploys it, as secrets are part of a version."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.envelope import ACCOUNT, ApiError, body_object, ok
from local_cloudflare.routing import Table
from local_cloudflare.store import Store
from local_cloudflare.workers import bindings as bound
from local_cloudflare.workers.model import (
    Author,
    Binding,
    Draft,
    add_version,
    author,
    deploy_version,
    find_script,
    live_deployment,
    newest_version,
)
from local_cloudflare.workers.shapes import check, check_secret


def deployed_newest(db: sqlite3.Connection, script: str, code: int) -> sqlite3.Row:
    """The newest version. ApiError `code` (10214 or 10215) unless it alone is deployed."""
    newest, live = newest_version(db, script), live_deployment(db, script)
    versions = json.loads(live["versions"]) if live is not None else []
    if [item["version_id"] for item in versions] != [newest["id"]]:
        raise ApiError(
            400,
            code,
            "Secret edit failed. The latest version of this Worker isn't currently deployed. Please ensure"
            " that it is fully deployed, or edit the secrets of the version itself.",
        )
    return newest


def _change(
    db: sqlite3.Connection, script: str, code: int, changes: Mapping[str, Binding | None], by: Author
) -> None:
    find_script(db, script)
    old = Draft.of(db, deployed_newest(db, script, code))
    merged = {b["name"]: b for b in old.bindings}
    for name, binding in changes.items():
        if name in merged and merged[name]["type"] not in bound.SECRETS:
            raise ApiError(400, 10053, f"Binding name '{name}' already in use. Please use a different name.")
        if binding is not None:
            merged[name] = binding
        elif merged.pop(name, None) is None:
            raise ApiError(404, 10056, f"Secret '{name}' not found.")
    notes = {"workers/triggered_by": "secret"}
    new = Draft(old.modules_json, old.main_module, old.runtime, list(merged.values()), notes)
    deploy_version(db, add_version(db, script, new, by), by, "secret")


def _binding(body: Mapping[str, Any]) -> Binding:
    binding = {"type": "secret_text", **body}
    check_secret(binding)
    return binding


def routes(store: Store, who: Identity, table: Table) -> list[Route]:
    """Endpoints below /client/v4."""

    def present(script: str) -> dict[str, Binding]:
        find_script(store.db, script)
        found = bound.secrets(json.loads(newest_version(store.db, script)["bindings"]))
        return {b["name"]: b for b in bound.redacted(found.values())}

    async def change(request: Request, code: int, changes: Mapping[str, Binding | None]) -> None:
        script = request.path_params["script"]
        with store.transaction() as db:
            _change(db, script, code, changes, author(request, who))
        table.refresh(script)
        await request.app.state.publish()

    async def listing(request: Request) -> Response:
        return ok(list(present(request.path_params["script"]).values()))

    async def view(request: Request) -> Response:
        found = present(request.path_params["script"]).get(request.path_params["name"])
        if found is None:
            raise ApiError(404, 10056, f"Secret '{request.path_params['name']}' not found.")
        return ok(found)

    async def put(request: Request) -> Response:
        binding = _binding(await body_object(request))
        await change(request, 10215, {binding["name"]: binding})
        return ok(bound.redacted([binding])[0])

    async def delete(request: Request) -> Response:
        await change(request, 10215, {request.path_params["name"]: None})
        return ok(None)

    async def bulk(request: Request) -> Response:
        body = await body_object(request)
        check(body)
        changes: dict[str, Binding | None] = {}
        for name, value in (body.get("secrets") or {}).items():
            given = value if isinstance(value, dict) else {}
            changes[name] = None if value is None else _binding({**given, "name": name})
        await change(request, 10214, changes)
        return ok(present(request.path_params["script"]))

    path = ACCOUNT + "/workers/scripts/{script}/secrets"
    return [
        Route(path, listing),
        Route(path, put, methods=["PUT"]),
        Route(path + "/{name}", view),
        Route(path + "/{name}", delete, methods=["DELETE"]),
        Route(path + "-bulk", bulk, methods=["PATCH"]),
    ]
