"""Endpoints of Pages projects and their custom domains."""

import json
import re
import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare import account
from local_cloudflare.envelope import ACCOUNT, ApiError, body_object, ok, page
from local_cloudflare.ids import now, uuid_id
from local_cloudflare.pages.model import (
    INVALID,
    TAKEN,
    default_config,
    find_project,
    own_refusal,
    project_shape,
)
from local_cloudflare.store import Store

PROJECTS = ACCOUNT + "/pages/projects"
PROJECT = PROJECTS + "/{project}"

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?")
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_PROJECTS_PER_PAGE = 10


def routes(store: Store) -> list[Route]:
    """Endpoints below /client/v4."""
    db = store.db

    async def list_projects(request: Request) -> Response:
        rows = db.execute("SELECT * FROM pages_projects ORDER BY created_on DESC").fetchall()
        found, info = page(request, rows, _PROJECTS_PER_PAGE)
        return ok([project_shape(db, row) for row in found], info)

    async def create(request: Request) -> Response:
        row = _new_project(await body_object(request))
        try:
            with store.transaction():
                db.execute(
                    "INSERT INTO pages_projects VALUES (:name, :id, :created_on, :production_branch, :source,"
                    " :build_config, :deployment_configs, NULL)",
                    row,
                )
        except sqlite3.IntegrityError:
            raise own_refusal(TAKEN, f"A project with the name {row['name']} already exists.", 409) from None
        await request.app.state.publish()
        return ok(project_shape(db, find_project(db, row["name"])))

    async def get(request: Request) -> Response:
        return ok(project_shape(db, find_project(db, request.path_params["project"])))

    async def edit(request: Request) -> Response:
        row = find_project(db, request.path_params["project"])
        changes = _changes(row, await body_object(request))
        with store.transaction():
            for column, value in changes.items():
                db.execute(
                    f"UPDATE pages_projects SET {column} = ? WHERE name = ?",  # noqa: S608 (our own names)
                    (value, row["name"]),
                )
        return ok(project_shape(db, find_project(db, row["name"])))

    async def delete(request: Request) -> Response:
        name = find_project(db, request.path_params["project"])["name"]
        with store.transaction():
            for table in ("pages_domains", "pages_deployments"):
                db.execute(f"DELETE FROM {table} WHERE project = ?", (name,))  # noqa: S608 (our own names)
            db.execute("DELETE FROM pages_projects WHERE name = ?", (name,))
        await request.app.state.publish()
        return ok(None)

    return [
        Route(PROJECTS, list_projects),
        Route(PROJECTS, create, methods=["POST"]),
        Route(PROJECT, get),
        Route(PROJECT, edit, methods=["PATCH"]),
        Route(PROJECT, delete, methods=["DELETE"]),
        *_domain_routes(store),
    ]


def _domain_routes(store: Store) -> list[Route]:
    db = store.db
    domains, domain = PROJECT + "/domains", PROJECT + "/domains/{domain}"

    async def list_domains(request: Request) -> Response:
        project = find_project(db, request.path_params["project"])["name"]
        rows = db.execute(
            "SELECT * FROM pages_domains WHERE project = ? ORDER BY name", (project,)
        ).fetchall()
        return ok(*page(request, [_domain_shape(store, row) for row in rows]))

    async def add(request: Request) -> Response:
        project = find_project(db, request.path_params["project"])["name"]
        name = (await body_object(request)).get("name")
        if not isinstance(name, str) or _HOST.fullmatch(name.lower()) is None:
            raise own_refusal(INVALID, f"{name!r} is not a host name.")
        row = {"name": name.lower(), "id": uuid_id(), "project": project, "created_on": now()}
        try:
            with store.transaction():
                db.execute("INSERT INTO pages_domains VALUES (:name, :id, :project, :created_on)", row)
        except sqlite3.IntegrityError:
            raise own_refusal(TAKEN, f"The domain {name} is already in use.", 409) from None
        await request.app.state.publish()
        return ok(_domain_shape(store, row))

    async def get(request: Request) -> Response:
        return ok(_domain_shape(store, _find_domain(db, request)))

    async def delete(request: Request) -> Response:
        row = _find_domain(db, request)
        with store.transaction():
            db.execute("DELETE FROM pages_domains WHERE name = ?", (row["name"],))
        await request.app.state.publish()
        return ok(None)

    return [
        Route(domains, list_domains),
        Route(domains, add, methods=["POST"]),
        Route(domain, get),
        # PATCH asks Cloudflare to validate the domain again, which has nothing to do here.
        Route(domain, get, methods=["PATCH"]),
        Route(domain, delete, methods=["DELETE"]),
    ]


def zone_of(store: Store, host: str) -> tuple[str, str] | None:
    """Name and id of the account's zone that `host` belongs to."""
    zones = account.zones(store).items()
    return next((zone for zone in zones if host == zone[0] or host.endswith("." + zone[0])), None)


def _find_domain(db: sqlite3.Connection, request: Request) -> sqlite3.Row:
    project = find_project(db, request.path_params["project"])["name"]
    name = request.path_params["domain"].lower()
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM pages_domains WHERE project = ? AND name = ?", (project, name)
    ).fetchone()
    if row is None:
        raise own_refusal(INVALID, f"The project has no domain {name}.", 404)
    return row


def _domain_shape(store: Store, row: Any) -> dict[str, Any]:
    """Active at once in a zone of the account; a foreign domain would need its owner to point it here."""
    zone = zone_of(store, row["name"])
    status = "active" if zone else "pending"
    return {
        "id": row["id"],
        "domain_id": row["id"],
        "name": row["name"],
        "status": status,
        "verification_data": {"status": status},
        "validation_data": {"status": status, "method": "http"},
        "zone_tag": zone[1] if zone else "",
        "certificate_authority": "google",
        "created_on": row["created_on"],
    }


def _new_project(body: dict[str, Any]) -> dict[str, Any]:
    name = body.get("name")
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise own_refusal(
            INVALID, "A project's name has 1 to 58 lower-case letters, digits and dashes, none at its ends."
        )
    configs = {environment: default_config() for environment in ("preview", "production")}
    row = {
        "name": name,
        "id": uuid_id(),
        "created_on": now(),
        "production_branch": body.get("production_branch") or "main",
        "source": json.dumps(_source({}, _object(body, "source"))) if body.get("source") else None,
        "build_config": json.dumps(_merged(_BUILD_CONFIG, _object(body, "build_config"))),
        "deployment_configs": json.dumps(_merged(configs, _object(body, "deployment_configs"))),
    }
    if not isinstance(row["production_branch"], str):
        raise own_refusal(INVALID, "production_branch must be a text.")
    return row


_BUILD_CONFIG = {
    "build_command": "",
    "destination_dir": "",
    "build_caching": None,
    "root_dir": "",
    "web_analytics_tag": None,
    "web_analytics_token": None,
}


def _changes(row: sqlite3.Row, body: dict[str, Any]) -> dict[str, str]:
    """The columns a PATCH changes. ApiError for a source, where the project is fed by uploads."""
    changes = {}
    if isinstance(body.get("production_branch"), str):
        changes["production_branch"] = body["production_branch"]
    for column in ("build_config", "deployment_configs"):
        if column in body:
            changes[column] = json.dumps(_merged(json.loads(row[column]), _object(body, column)))
    if body.get("source"):
        if row["source"] is None:
            raise own_refusal(INVALID, "The project has no git source: it is deployed by direct upload.")
        changes["source"] = json.dumps(_source(json.loads(row["source"]), _object(body, "source")))
    return changes


_SOURCE_CONFIG = {
    "owner": "",
    "repo_name": "",
    "production_branch": "main",
    "deployments_enabled": True,
    "production_deployments_enabled": True,
    "preview_deployment_setting": "all",
    "preview_branch_includes": ["*"],
    "preview_branch_excludes": [],
    "path_includes": ["*"],
    "path_excludes": [],
    "pr_comments_enabled": True,
}
"""The types and defaults of source.config; the repository itself is never asked for."""


def _source(old: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The source of a project after a create or PATCH."""
    source: dict[str, Any] = _merged({"config": _SOURCE_CONFIG} | old, given)
    if source.get("type") not in ("github", "gitlab"):
        raise own_refusal(INVALID, "source.type must be github or gitlab.")
    config = source["config"]
    wrong = [key for key, usual in _SOURCE_CONFIG.items() if not isinstance(config[key], type(usual))]
    missing = [key for key in ("owner", "repo_name") if not config[key]]
    if wrong or missing:
        raise own_refusal(INVALID, f"source.config.{(wrong or missing)[0]} is missing or of the wrong type.")
    return source


def _object(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key) or {}
    if not isinstance(value, dict):
        raise ApiError(400, INVALID, f"{key} must be an object")
    return value


def _merged(old: Any, new: Any) -> Any:
    """JSON merge patch, but null stays: Pages clears a setting with null."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {key: _merged(old.get(key), value) for key, value in new.items()}
