"""The settings of the newest version: read, and changed by PATCH (which makes and deploys a version)."""

import json
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.envelope import ACCOUNT, ApiError, ok
from local_cloudflare.routing import Table
from local_cloudflare.store import Store
from local_cloudflare.workers import bindings as bound
from local_cloudflare.workers import shapes, upload
from local_cloudflare.workers.model import (
    Draft,
    add_version,
    author,
    deploy_version,
    find_script,
    newest_version,
)
from local_cloudflare.workers.scripts import update_settings
from local_cloudflare.workers.secrets import deployed_newest


async def _given(request: Request) -> dict[str, Any]:
    """The JSON of the part `settings`."""
    async with request.form(max_part_size=16 * 1024 * 1024) as form:
        raw = form.get("settings")
        if isinstance(raw, UploadFile):
            raw = (await raw.read()).decode(errors="replace")
    try:
        value = json.loads(raw or "")
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(400, 10021, "The request has no `settings` part that is a JSON object.")
    shapes.check(value)
    return value


def routes(store: Store, who: Identity, table: Table) -> list[Route]:
    """Endpoints below /client/v4."""

    def shown(name: str) -> dict[str, Any]:
        script, newest = find_script(store.db, name), newest_version(store.db, name)
        settings = json.loads(script["settings"])
        return {
            "compatibility_date": None,
            "tags": settings.get("tags", []),
            "tail_consumers": settings.get("tail_consumers"),
            "logpush": settings.get("logpush", False),
            "observability": settings.get("observability", {"enabled": False}),
            **json.loads(newest["runtime"]),
            "bindings": bound.redacted(json.loads(newest["bindings"])),
            "migration_tag": script["migration_tag"],
        }

    async def get(request: Request) -> Response:
        return ok(shown(request.path_params["script"]))

    async def patch(request: Request) -> Response:
        name, given = request.path_params["script"], await _given(request)
        runtime = {key: given[key] for key in upload.RUNTIME_SETTINGS if key in given}
        by = author(request, who)
        with store.transaction() as db:
            script = find_script(db, name)
            update_settings(db, name, {k: given[k] for k in upload.SCRIPT_SETTINGS if k in given})
            if runtime or "bindings" in given:
                old = Draft.of(db, deployed_newest(db, name, 10214))
                bindings = list(old.bindings)
                if given.get("bindings") is not None:
                    keep = given.get("keep_bindings")
                    bindings = bound.resolve(
                        given["bindings"], keep, bindings, strict=True, bare_inherits=True
                    )
                    bound.check_targets(db, name, bindings, json.loads(script["classes"]))
                only_secrets = bound.changed_secrets(old.bindings, bindings) and not runtime
                trigger = "secret" if only_secrets else "upload"
                notes = {**upload.annotations(given), "workers/triggered_by": trigger}
                new = Draft(old.modules_json, old.main_module, {**old.runtime, **runtime}, bindings, notes)
                deploy_version(db, add_version(db, name, new, by), by, trigger)
        table.refresh(name)
        await request.app.state.publish()
        return ok(shown(name))

    path = ACCOUNT + "/workers/scripts/{script}/settings"
    return [Route(path, get), Route(path, patch, methods=["PATCH"])]
