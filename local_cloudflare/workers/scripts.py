"""Scripts and their settings: upload by PUT, services, list, delete, settings, workers.dev subdomain."""

import json
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.envelope import ACCOUNT, ApiError, body_object, ok, page
from local_cloudflare.routing import Table
from local_cloudflare.store import Store
from local_cloudflare.workers import migrations, shapes, upload, versions
from local_cloudflare.workers.deployments import code_update_strategy
from local_cloudflare.workers.model import (
    add_version,
    author,
    delete_script,
    deploy_version,
    find_script,
    live_deployment,
    new_script,
    newest_version,
)


def _summary(db: sqlite3.Connection, script: sqlite3.Row) -> dict[str, Any]:
    """A script as lists and uploads show it."""
    newest = newest_version(db, script["name"])
    runtime = json.loads(newest["runtime"])
    settings = json.loads(script["settings"])
    return {
        "id": script["name"],
        "tag": script["id"],
        "tags": settings.get("tags", []),
        "etag": newest["code"],
        "handlers": ["fetch"],
        "named_handlers": [],
        "created_on": script["created_on"],
        "modified_on": script["modified_on"],
        "usage_model": "standard",
        "compatibility_date": runtime.get("compatibility_date"),
        "compatibility_flags": runtime["compatibility_flags"],
        "migration_tag": script["migration_tag"],
        "logpush": settings.get("logpush", False),
        "has_assets": False,
        "has_modules": True,
        "last_deployed_from": script["last_source"],
        "tail_consumers": settings.get("tail_consumers"),
    }


def _script_settings(script: sqlite3.Row) -> dict[str, Any]:
    settings = json.loads(script["settings"])
    return {
        "logpush": settings.get("logpush", False),
        "observability": settings.get("observability", {"enabled": False}),
        "tags": settings.get("tags", []),
        "tail_consumers": settings.get("tail_consumers"),
    }


def update_settings(db: sqlite3.Connection, name: str, changes: dict[str, Any]) -> None:
    """Merges script-level settings; ApiError 10021 for one that is none."""
    unknown = sorted(set(changes) - set(upload.SCRIPT_SETTINGS))
    if unknown:
        raise ApiError(400, 10021, f"Unknown script setting '{unknown[0]}'.")
    shapes.check(changes)
    merged = {**json.loads(find_script(db, name)["settings"]), **changes}
    db.execute("UPDATE scripts SET settings = ? WHERE name = ?", (json.dumps(merged), name))


def routes(store: Store, who: Identity, table: Table) -> list[Route]:
    """Endpoints below /client/v4."""

    async def put(request: Request) -> Response:
        name = request.path_params["script"]
        upload.check_name(name)
        given = await upload.read(request)
        if given.metadata.get("exports"):
            raise ApiError(400, 10021, "Durable Object exports are not supported here; use migrations.")
        strategy = code_update_strategy(given.metadata.get("code_update_strategy"))
        by = author(request, who)
        with store.transaction() as db:
            if db.execute("SELECT 1 FROM scripts WHERE name = ?", (name,)).fetchone() is None:
                new_script(db, name, by)
            if given.metadata.get("migrations"):
                migrations.apply(db, find_script(db, name), given.metadata["migrations"])
            strict = versions.strict_inherit(request)
            made = versions.draft(db, find_script(db, name), given, "upload", strict=strict)
            version = add_version(db, name, made, by)
            deploy_version(db, version, by, "upload", made.annotations.get("workers/message"), strategy)
            update_settings(db, name, given.script_settings)
            result = _summary(db, find_script(db, name))
        table.refresh(name)
        await request.app.state.publish()
        result |= {
            "deployment_id": version["id"].replace("-", ""),
            "entry_point": made.main_module,
            "startup_time_ms": versions.STARTUP_TIME_MS,
        }
        return ok(result)

    async def listing(_: Request) -> Response:
        rows = store.db.execute("SELECT * FROM scripts ORDER BY name").fetchall()
        return ok([_summary(store.db, row) for row in rows])

    async def delete(request: Request) -> Response:
        name = request.path_params["script"]
        with store.transaction() as db:
            find_script(db, name)
            delete_script(db, name)
            db.execute("DELETE FROM routes WHERE script = ?", (name,))
            db.execute("DELETE FROM domains WHERE service = ?", (name,))
        table.refresh(name)
        table.refresh_triggers()
        await request.app.state.publish()
        return ok({"id": name})

    async def service(request: Request) -> Response:
        name = request.path_params["script"]
        row = store.db.execute("SELECT * FROM scripts WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise ApiError(404, 10090, "This service does not exist on your account.")
        times = {"created_on": row["created_on"], "modified_on": row["modified_on"]}
        summary = _summary(store.db, row)
        return ok(
            {
                "id": name,
                "default_environment": {"environment": "production", **times, "script": summary},
                **times,
                "usage_model": "standard",
                "environments": [{"environment": "production", **times}],
            }
        )

    async def worker(request: Request) -> Response:
        row = find_script(store.db, request.path_params["script"])
        live = live_deployment(store.db, row["name"])
        host = f"{row['name']}.{who.workers_dev}"
        return ok(
            {
                "id": row["id"],
                "name": row["name"],
                "created_on": row["created_on"],
                "updated_on": row["modified_on"],
                "deployed_on": live["created_on"] if live is not None else None,
                **_script_settings(row),
                "tail_consumers": _script_settings(row)["tail_consumers"] or [],
                "subdomain": {
                    "enabled": bool(row["workers_dev"]),
                    "previews_enabled": bool(row["previews"]),
                    "url": f"https://{host}",
                    "preview_url_suffix": f"-{host}",
                },
                "references": {
                    "dispatch_namespace_outbounds": [],
                    "domains": [],
                    "durable_objects": [],
                    "queues": [],
                    "workers": [],
                },
            }
        )

    async def get_script_settings(request: Request) -> Response:
        return ok(_script_settings(find_script(store.db, request.path_params["script"])))

    async def patch_script_settings(request: Request) -> Response:
        name, changes = request.path_params["script"], await body_object(request)
        with store.transaction() as db:
            update_settings(db, name, changes)
        return ok(_script_settings(find_script(store.db, name)))

    async def get_subdomain(request: Request) -> Response:
        row = find_script(store.db, request.path_params["script"])
        return ok({"enabled": bool(row["workers_dev"]), "previews_enabled": bool(row["previews"])})

    async def post_subdomain(request: Request) -> Response:
        name, body = request.path_params["script"], await body_object(request)
        if not isinstance(body.get("enabled"), bool):
            raise ApiError(400, 10021, "enabled must be true or false")
        row = find_script(store.db, name)
        enabled, previews = body["enabled"], bool(body.get("previews_enabled", row["previews"]))
        with store.transaction() as db:
            db.execute(
                "UPDATE scripts SET workers_dev = ?, previews = ? WHERE name = ?", (enabled, previews, name)
            )
        table.refresh(name)
        await request.app.state.publish()
        return ok({"enabled": enabled, "previews_enabled": previews})

    async def namespaces(request: Request) -> Response:
        rows = store.db.execute("SELECT * FROM scripts ORDER BY name").fetchall()
        return ok(*page(request, [item for row in rows for item in migrations.namespaces(row)]))

    async def account_subdomain(_: Request) -> Response:
        return ok({"subdomain": who.workers_dev.removesuffix(".workers.dev")})

    scripts = ACCOUNT + "/workers/scripts"
    one = scripts + "/{script}"
    services = ACCOUNT + "/workers/services/{script}"
    return [
        Route(scripts, listing),
        Route(one, put, methods=["PUT"]),
        Route(one, delete, methods=["DELETE"]),
        Route(services, service),
        Route(services, delete, methods=["DELETE"]),
        Route(ACCOUNT + "/workers/workers/{script}", worker),
        Route(one + "/script-settings", get_script_settings),
        Route(one + "/script-settings", patch_script_settings, methods=["PATCH"]),
        Route(one + "/subdomain", get_subdomain),
        Route(one + "/subdomain", post_subdomain, methods=["POST"]),
        Route(ACCOUNT + "/workers/subdomain", account_subdomain),
        Route(ACCOUNT + "/workers/durable_objects/namespaces", namespaces),
    ]
