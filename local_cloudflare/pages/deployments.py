"""Endpoints of Pages deployments: create by direct upload, list, get, delete, retry, roll back, logs."""

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.envelope import ok, page
from local_cloudflare.ids import now
from local_cloudflare.pages.model import (
    IN_USE,
    INVALID,
    NO_FUNCTIONS,
    NOT_A_TARGET,
    STAGES,
    branches,
    create_deployment,
    deployment_shape,
    find_deployment,
    find_project,
    list_deployments,
    own_refusal,
)
from local_cloudflare.pages.projects import PROJECT
from local_cloudflare.store import Store

PER_PAGE = 25
STAGE_SECONDS = 0.04
_FUNCTIONS = ("_worker.bundle", "_worker.js", "functions-filepath-routing-config.json")
_log = logging.getLogger(__name__)


def routes(store: Store) -> list[Route]:
    """Endpoints below /client/v4. Refusals with own codes: see model.py."""
    db = store.db
    rollout = Rollout(store)
    deployments, one = PROJECT + "/deployments", PROJECT + "/deployments/{deployment}"

    def find(request: Request) -> sqlite3.Row:
        return find_deployment(db, request.path_params["project"], request.path_params["deployment"])

    def start(request: Request, project: str, fields: dict[str, Any]) -> Response:
        with store.transaction():
            deployment = create_deployment(db, project, fields)
        rollout.begin(deployment, request.app.state.publish)
        return ok(deployment_shape(db, find_deployment(db, project, deployment)))

    async def list_all(request: Request) -> Response:
        project = find_project(db, request.path_params["project"])["name"]
        environment = request.query_params.get("env")
        if environment not in (None, "production", "preview"):
            raise own_refusal(INVALID, "env must be production or preview.")
        rows, info = page(request, list_deployments(db, project, environment), PER_PAGE)
        return ok([deployment_shape(db, row) for row in rows], info)

    async def create(request: Request) -> Response:
        project = find_project(db, request.path_params["project"])
        async with request.form(max_files=2000) as form:
            fields = await _uploaded(form, project)
        return start(request, project["name"], fields)

    async def get(request: Request) -> Response:
        return ok(deployment_shape(db, find(request)))

    async def delete(request: Request) -> Response:
        row = find(request)
        if row["id"] == find_project(db, row["project"])["canonical"]:
            raise own_refusal(IN_USE, "This deployment is live in production and cannot be deleted.")
        aliased = row["id"] in branches(db, row["project"]).values()
        if aliased and request.query_params.get("force") != "true":
            raise own_refusal(IN_USE, "This deployment has an alias: delete it with ?force=true.")
        with store.transaction():
            db.execute("DELETE FROM pages_deployments WHERE id = ?", (row["id"],))
        await request.app.state.publish()
        return ok(None)

    async def retry(request: Request) -> Response:
        row = find(request)
        copied = ("environment", "trigger", "manifest", "headers", "redirects", "env_vars")
        return start(request, row["project"], {column: row[column] for column in copied})

    async def rollback(request: Request) -> Response:
        row = find(request)
        if row["environment"] != "production" or row["status"] != "success":
            raise own_refusal(
                NOT_A_TARGET,
                f"Deployment {row['id']} is no rollback target: only a successful production deployment is,"
                f" and this is a {row['environment']} deployment with status {row['status']}.",
            )
        with store.transaction():
            db.execute("UPDATE pages_projects SET canonical = ? WHERE name = ?", (row["id"], row["project"]))
        await request.app.state.publish()
        return ok(deployment_shape(db, row))

    async def logs(request: Request) -> Response:
        row = find(request)
        stages = [stage for stage in json.loads(row["stages"]) if stage["started_on"]]
        lines = [{"ts": s["started_on"], "line": f"{s['name']}: {s['status']}"} for s in stages]
        missing = missing_assets(db, row)
        if row["status"] == "failure":
            lines.append({"ts": row["modified_on"], "line": f"Error: assets never uploaded: {missing}"})
        return ok({"total": len(lines), "includes_container_logs": False, "data": lines})

    return [
        Route(deployments, list_all),
        Route(deployments, create, methods=["POST"]),
        Route(one, get),
        Route(one, delete, methods=["DELETE"]),
        Route(one + "/retry", retry, methods=["POST"]),
        Route(one + "/rollback", rollback, methods=["POST"]),
        Route(one + "/history/logs", logs),
    ]


class Rollout:
    """Takes deployments through their stages. What a stopped server left underway is decided at the start."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()
        for (deployment,) in store.db.execute(
            "SELECT id FROM pages_deployments WHERE status = 'active' ORDER BY seq"
        ).fetchall():
            for _ in STAGES:
                self._advance(deployment)

    def begin(self, deployment: str, publish: Callable[[], Awaitable[None]]) -> None:
        """Runs in the background; `publish` is called when the deployment is done."""
        task = asyncio.create_task(self._run(deployment, publish))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, deployment: str, publish: Callable[[], Awaitable[None]]) -> None:
        for _ in STAGES:
            await asyncio.sleep(STAGE_SECONDS)
            self._advance(deployment)
        try:
            await publish()
        except Exception:
            _log.exception("the deployment %s is done, but the edge was not told", deployment)

    def _advance(self, deployment: str) -> None:
        """Ends the running stage and begins the next; the last one makes the deployment live, or failed."""
        db = self._store.db
        row = db.execute("SELECT * FROM pages_deployments WHERE id = ?", (deployment,)).fetchone()
        if row is None or row["status"] != "active":
            return
        moment, stages = now(), json.loads(row["stages"])
        index = next(i for i, stage in enumerate(stages) if stage["status"] == "active")
        last = index == len(stages) - 1
        outcome = "failure" if last and missing_assets(db, row) else "success"
        stages[index] |= {"status": outcome, "ended_on": moment}
        if not last:
            stages[index + 1] |= {"status": "active", "started_on": moment}
        with self._store.transaction():
            db.execute(
                "UPDATE pages_deployments SET stages = ?, modified_on = ?, status = ? WHERE id = ?",
                (json.dumps(stages), moment, outcome if last else "active", deployment),
            )
            if last and outcome == "success" and row["environment"] == "production":
                db.execute(
                    "UPDATE pages_projects SET canonical = ? WHERE name = ?", (deployment, row["project"])
                )


def missing_assets(db: sqlite3.Connection, row: sqlite3.Row) -> list[str]:
    """Paths of the manifest whose content was never uploaded: such a deployment fails."""
    known = {hash_ for (hash_,) in db.execute("SELECT hash FROM pages_assets")}
    return sorted(path for path, hash_ in json.loads(row["manifest"]).items() if hash_ not in known)


async def _uploaded(form: FormData, project: sqlite3.Row) -> dict[str, Any]:
    """The columns of a direct upload (cloudflare.md 1.2, pages deploy)."""
    functions = [name for name in _FUNCTIONS if name in form]
    if functions:
        raise own_refusal(
            NO_FUNCTIONS, f"Pages Functions do not run here: {', '.join(functions)} is refused."
        )
    manifest = _manifest(await _text(form, "manifest"))
    branch = await _text(form, "branch") or project["production_branch"]
    environment = "production" if branch == project["production_branch"] else "preview"
    trigger = {
        "type": "ad_hoc",
        "metadata": {
            "branch": branch,
            "commit_hash": await _text(form, "commit_hash") or "",
            "commit_message": await _text(form, "commit_message") or "",
            "commit_dirty": await _text(form, "commit_dirty") == "true",
        },
    }
    return {
        "environment": environment,
        "trigger": json.dumps(trigger),
        "manifest": json.dumps(manifest),
        "headers": await _text(form, "_headers"),
        "redirects": await _text(form, "_redirects"),
        "env_vars": json.dumps(json.loads(project["deployment_configs"])[environment]["env_vars"] or {}),
    }


async def _text(form: FormData, name: str) -> str | None:
    value = form.get(name)
    if isinstance(value, UploadFile):
        return (await value.read()).decode(errors="replace")
    return value


def _manifest(text: str | None) -> dict[str, str]:
    try:
        manifest = json.loads(text or "")
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict) or not all(
        path.startswith("/") and isinstance(hash_, str) for path, hash_ in manifest.items()
    ):
        raise own_refusal(INVALID, "The upload needs a manifest: a JSON object of paths and content hashes.")
    return manifest
