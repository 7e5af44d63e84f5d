"""Deployments of a Worker: which versions are live, since when, and what may become live."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.envelope import ACCOUNT, ApiError, body_object, ok
from local_cloudflare.routing import Table
from local_cloudflare.store import Store
from local_cloudflare.workers import upload
from local_cloudflare.workers.bindings import changed_secrets, check_resources
from local_cloudflare.workers.model import (
    DEFERRED,
    DEPLOYABLE_VERSIONS,
    add_deployment,
    author,
    find_script,
    find_version,
    live_deployment,
    own_refusal,
)

MAX_DELAY = 86_400


def shown(row: sqlite3.Row) -> dict[str, Any]:
    """A deployment as the API shows it."""
    return {
        "id": row["id"],
        "source": row["source"],
        "strategy": "percentage",
        "author_email": row["author_email"],
        "annotations": json.loads(row["annotations"]),
        "versions": json.loads(row["versions"]),
        "created_on": row["created_on"],
        "code_update_strategy": json.loads(row["code_update_strategy"]),
    }


def code_update_strategy(given: Any) -> dict[str, Any]:
    """The validated strategy; deferred for 300 s when none is given. ApiError 10021."""
    if given is None:
        return dict(DEFERRED)
    mode = given.get("mode") if isinstance(given, dict) else None
    if mode == "immediate" and set(given) == {"mode"}:
        return {"mode": "immediate"}
    delay = given.get("max_delay", DEFERRED["max_delay"]) if mode == "deferred" else None
    if isinstance(delay, bool) or not isinstance(delay, int) or not 0 <= delay <= MAX_DELAY:
        raise ApiError(
            400,
            10021,
            'code_update_strategy must be {"mode":"immediate"} or {"mode":"deferred","max_delay":SECONDS}'
            f" with at most {MAX_DELAY} seconds.",
        )
    return {"mode": "deferred", "max_delay": delay}


def _split(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The versions of a deployment request: one or two, summing to 100."""
    if body.get("strategy") != "percentage":
        raise ApiError(400, 10021, 'strategy must be "percentage"')
    versions = body.get("versions")
    if not isinstance(versions, list) or not 1 <= len(versions) <= 2:
        raise ApiError(400, 10021, "A deployment needs one or two versions.")
    result: list[dict[str, Any]] = []
    for item in versions:
        share = item.get("percentage") if isinstance(item, dict) else None
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 100:
            raise ApiError(400, 10021, "Every version needs a version_id and a percentage from 0 to 100.")
        result.append({"version_id": str(item.get("version_id")), "percentage": share})
    if abs(sum(item["percentage"] for item in result) - 100) > 1e-6:
        raise ApiError(400, 10021, "The percentages of the versions must sum to 100.")
    return result


def _check_deployable(db: sqlite3.Connection, script: sqlite3.Row, version: sqlite3.Row) -> None:
    if version["number"] <= script["last_number"] - DEPLOYABLE_VERSIONS:
        raise own_refusal(
            f"Version {version['id']} cannot be deployed: it is not among the {DEPLOYABLE_VERSIONS} most"
            " recently published versions."
        )
    if version["epoch"] < script["epoch"]:
        raise own_refusal(
            f"Version {version['id']} cannot be deployed: the Durable Object migration"
            f" '{script['migration_tag']}' was applied after it."
        )
    check_resources(db, json.loads(version["bindings"]))


def _check_secrets(
    db: sqlite3.Connection, script: str, targets: Sequence[sqlite3.Row], live: sqlite3.Row
) -> None:
    """Refuses (10220) a version older than the live one whose secrets differ from the live ones."""
    present = [find_version(db, script, item["version_id"]) for item in json.loads(live["versions"])]
    newest = max(present, key=lambda row: int(row["number"]))
    current = json.loads(newest["bindings"])
    changed: set[str] = set()
    for target in targets:
        if target["number"] < newest["number"]:
            changed |= set(changed_secrets(current, json.loads(target["bindings"])))
    if changed:
        raise ApiError(
            400,
            10220,
            "A secret has changed since this version was active. If you are sure this is ok, add a"
            " ?force=true query parameter to allow the rollback. The following secrets have changed: "
            + ", ".join(sorted(changed)),
        )


def routes(store: Store, who: Identity, table: Table) -> list[Route]:
    """Endpoints below /client/v4."""

    def find(request: Request) -> sqlite3.Row:
        script = request.path_params["script"]
        row: sqlite3.Row | None = store.db.execute(
            "SELECT * FROM deployments WHERE id = ? AND script = ?", (request.path_params["id"], script)
        ).fetchone()
        if row is None:
            find_script(store.db, script)
            raise ApiError(404, 10007, "deployment_not_found: this Worker has no such deployment.")
        return row

    async def listing(request: Request) -> Response:
        script = request.path_params["script"]
        rows = store.db.execute(
            "SELECT * FROM deployments WHERE script = ? ORDER BY seq DESC", (script,)
        ).fetchall()
        if not rows:
            find_script(store.db, script)
        return ok({"deployments": [shown(row) for row in rows]})

    async def create(request: Request) -> Response:
        body = await body_object(request)
        split = _split(body)
        strategy = code_update_strategy(body.get("code_update_strategy"))
        notes = upload.annotations(body)
        annotations = {key: notes[key] for key in ("workers/message",) if key in notes}
        annotations["workers/triggered_by"] = "deployment"
        with store.transaction() as db:
            script = find_script(db, request.path_params["script"])
            targets = [find_version(db, script["name"], item["version_id"]) for item in split]
            if len({row["id"] for row in targets}) != len(targets):
                raise ApiError(400, 10021, "The versions of a deployment must differ.")
            for target in targets:
                _check_deployable(db, script, target)
            live = live_deployment(db, script["name"])
            if live is not None and request.query_params.get("force") != "true":
                _check_secrets(db, script["name"], targets, live)
            versions = [
                {"version_id": row["id"], "percentage": item["percentage"]}
                for row, item in zip(targets, split, strict=True)
            ]
            by = author(request, who)
            row = add_deployment(db, script["name"], versions, by, annotations, strategy)
        table.refresh(script["name"])
        await request.app.state.publish()
        return ok(shown(row))

    async def view(request: Request) -> Response:
        return ok(shown(find(request)))

    async def delete(request: Request) -> Response:
        with store.transaction() as db:
            row = find(request)
            live = live_deployment(db, row["script"])
            if live is not None and live["seq"] == row["seq"]:
                raise own_refusal("The active deployment cannot be deleted.")
            db.execute("DELETE FROM deployments WHERE seq = ?", (row["seq"],))
        return ok(None)

    path = ACCOUNT + "/workers/scripts/{script}/deployments"
    return [
        Route(path, listing),
        Route(path, create, methods=["POST"]),
        Route(path + "/{id}", view),
        Route(path + "/{id}", delete, methods=["DELETE"]),
    ]
