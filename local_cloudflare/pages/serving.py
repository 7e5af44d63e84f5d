"""What the edge needs of Pages: its part of the routing table, the sites and their assets."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.envelope import answer
from local_cloudflare.pages.model import (
    DEPLOYMENT_NOT_FOUND,
    branches,
    own_refusal,
    short_id,
)
from local_cloudflare.pages.projects import zone_of
from local_cloudflare.store import Store


def table(store: Store) -> dict[str, Any]:
    """The Pages part of the routing table. Only domains in a zone of the account are active."""
    db = store.db
    projects = {}
    for row in db.execute("SELECT name, canonical FROM pages_projects").fetchall():
        name = row["name"]
        domains = db.execute("SELECT name FROM pages_domains WHERE project = ?", (name,)).fetchall()
        done = db.execute(
            "SELECT id FROM pages_deployments WHERE project = ? AND status = 'success'", (name,)
        ).fetchall()
        projects[name] = {
            "canonical": row["canonical"],
            "domains": [domain for (domain,) in domains if zone_of(store, domain)],
            "deployments": {short_id(id_): id_ for (id_,) in done},
            "branches": branches(db, name),
        }
    return projects


def internal_routes(store: Store) -> list[Route]:
    """Endpoints of the admin server that only the edge calls."""
    db = store.db

    async def site(request: Request) -> Response:
        id_ = request.path_params["deployment"]
        row = db.execute("SELECT * FROM pages_deployments WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise own_refusal(DEPLOYMENT_NOT_FOUND, f"Deployment {id_} not found.", 404)
        types = dict(db.execute("SELECT hash, type FROM pages_assets").fetchall())
        manifest = {
            path: {"hash": hash_, "type": _with_charset(types[hash_])}
            for path, hash_ in json.loads(row["manifest"]).items()
            if hash_ in types
        }
        fields = ("environment", "headers", "redirects")
        return answer({"manifest": manifest, **{name: row[name] for name in fields}})

    async def asset(request: Request) -> Response:
        row = db.execute(
            "SELECT body FROM pages_assets WHERE hash = ?", (request.path_params["hash"],)
        ).fetchone()
        return Response(status_code=404) if row is None else Response(row["body"])

    return [
        Route("/internal/pages/deployments/{deployment}", site),
        Route("/internal/pages/assets/{hash}", asset),
    ]


def _with_charset(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
