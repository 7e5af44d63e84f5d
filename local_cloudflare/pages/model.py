"""Pages in the store: projects, their domains and deployments, uploaded assets.

A deployment never changes but for its stages. A project's `canonical` is the production deployment that is
served: a successful production deployment takes it over, a rollback moves it.
"""

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from local_cloudflare.envelope import ApiError
from local_cloudflare.ids import now, uuid_id

SCHEMA = """
CREATE TABLE IF NOT EXISTS pages_projects (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, created_on TEXT NOT NULL, production_branch TEXT NOT NULL,
    source TEXT, build_config TEXT NOT NULL, deployment_configs TEXT NOT NULL, canonical TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pages_domains (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, project TEXT NOT NULL, created_on TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pages_deployments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL,
    environment TEXT NOT NULL, created_on TEXT NOT NULL, modified_on TEXT NOT NULL, trigger TEXT NOT NULL,
    manifest TEXT NOT NULL, headers TEXT, redirects TEXT, env_vars TEXT NOT NULL, stages TEXT NOT NULL,
    status TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS pages_deployments_by_project ON pages_deployments (project, seq);
CREATE TABLE IF NOT EXISTS pages_assets (hash TEXT PRIMARY KEY, type TEXT NOT NULL, body BLOB NOT NULL);
"""

STAGES = ("queued", "initialize", "clone_repo", "build", "deploy")
PROJECT_NOT_FOUND = 8000007
OWN = 8000990
"""From this code on: refusals whose real code is unknown, or of what only local_cloudflare cannot do."""
DEPLOYMENT_NOT_FOUND, NOT_A_TARGET, IN_USE, INVALID, NO_FUNCTIONS, TAKEN = range(OWN + 1, OWN + 7)


def own_refusal(code: int, message: str, status: int = 400) -> ApiError:
    """A refusal with one of local_cloudflare's own codes."""
    return ApiError(status, code, f"{message} (This code is local_cloudflare's own; Cloudflare's differs.)")


def find_project(db: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The project. ApiError 8000007 when there is none."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM pages_projects WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise ApiError(
            404,
            PROJECT_NOT_FOUND,
            "Project not found. The specified project name does not match any of your existing projects.",
        )
    return row


def find_deployment(db: sqlite3.Connection, project: str, deployment: str) -> sqlite3.Row:
    """The deployment of this project. ApiError with an own code when there is none."""
    find_project(db, project)
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM pages_deployments WHERE project = ? AND id = ?", (project, deployment)
    ).fetchone()
    if row is None:
        raise own_refusal(DEPLOYMENT_NOT_FOUND, f"Deployment {deployment} not found.", 404)
    return row


def list_deployments(
    db: sqlite3.Connection, project: str, environment: str | None = None
) -> list[sqlite3.Row]:
    """The project's deployments, newest first."""
    return db.execute(
        "SELECT * FROM pages_deployments WHERE project = ? AND environment = coalesce(?, environment)"
        " ORDER BY seq DESC",
        (project, environment),
    ).fetchall()


def create_deployment(db: sqlite3.Connection, project: str, fields: dict[str, Any]) -> str:
    """Records a new, queued deployment; its id. `fields` are the columns the caller decides."""
    moment = now()
    stages = [{"name": name, "started_on": None, "ended_on": None, "status": "idle"} for name in STAGES]
    stages[0] |= {"started_on": moment, "status": "active"}
    row = {
        **fields,
        "id": uuid_id(),
        "project": project,
        "created_on": moment,
        "modified_on": moment,
        "stages": json.dumps(stages),
        "status": "active",
    }
    columns = ", ".join(row)
    places = ", ".join(f":{name}" for name in row)
    db.execute(f"INSERT INTO pages_deployments ({columns}) VALUES ({places})", row)  # noqa: S608
    return str(row["id"])


def short_id(deployment: str) -> str:
    """The part of a deployment's id that names its host."""
    return deployment[:8]


def alias(branch: str) -> str:
    """The host label of a branch (pages/configuration/preview-deployments): at most 28 characters."""
    label = "".join(char if char.isascii() and char.isalnum() else "-" for char in branch.lower())
    return label[:28].strip("-")


def project_shape(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A project as the API shows it."""
    latest, canonical = (
        db.execute(f"SELECT * FROM pages_deployments WHERE {which}", (value,)).fetchone()  # noqa: S608
        for which, value in (
            ("project = ? ORDER BY seq DESC LIMIT 1", row["name"]),
            ("id = ?", row["canonical"]),
        )
    )
    domains = db.execute("SELECT name FROM pages_domains WHERE project = ? ORDER BY name", (row["name"],))
    subdomain = f"{row['name']}.pages.dev"
    return {
        "id": row["id"],
        "name": row["name"],
        "subdomain": subdomain,
        "domains": [subdomain, *(domain["name"] for domain in domains)],
        "source": json.loads(row["source"] or "null"),
        "build_config": json.loads(row["build_config"]),
        "deployment_configs": {
            environment: {**config, "env_vars": _shown(config["env_vars"])}
            for environment, config in json.loads(row["deployment_configs"]).items()
        },
        "latest_deployment": deployment_shape(db, latest) if latest else None,
        "canonical_deployment": deployment_shape(db, canonical) if canonical else None,
        "created_on": row["created_on"],
        "production_branch": row["production_branch"],
        "production_script_name": f"pages-worker--{row['id'][:8]}-production",
        "preview_script_name": f"pages-worker--{row['id'][:8]}-preview",
        "framework": "",
        "framework_version": "",
        "uses_functions": False,
    }


def deployment_shape(db: sqlite3.Connection, row: sqlite3.Row) -> dict[str, Any]:
    """A deployment as the API shows it."""
    project = find_project(db, row["project"])
    stages = json.loads(row["stages"])
    latest = next((stage for stage in reversed(stages) if stage["status"] != "idle"), stages[0])
    return {
        "id": row["id"],
        "short_id": short_id(row["id"]),
        "project_id": project["id"],
        "project_name": row["project"],
        "environment": row["environment"],
        "url": f"https://{short_id(row['id'])}.{row['project']}.pages.dev",
        "created_on": row["created_on"],
        "modified_on": row["modified_on"],
        "latest_stage": latest,
        "stages": stages,
        "deployment_trigger": json.loads(row["trigger"]),
        "env_vars": _shown(json.loads(row["env_vars"])),
        "build_config": json.loads(project["build_config"]),
        "source": json.loads(project["source"] or "null"),
        "is_skipped": False,
        "production_branch": project["production_branch"],
        "aliases": _aliases(db, project, row),
        "uses_functions": False,
    }


def _shown(variables: dict[str, Any] | None) -> dict[str, Any] | None:
    """Variables as the API shows them: a secret with an empty value."""
    return variables and {
        name: {**value, "value": ""} if value and value.get("type") == "secret_text" else value
        for name, value in variables.items()
    }


def _aliases(db: sqlite3.Connection, project: sqlite3.Row, row: sqlite3.Row) -> list[str] | None:
    if row["id"] == project["canonical"]:
        names = db.execute(
            "SELECT name FROM pages_domains WHERE project = ? ORDER BY name", (row["project"],)
        )
        return [f"https://{name}" for (name,) in names] or None
    label = next((label for label, id_ in branches(db, row["project"]).items() if id_ == row["id"]), None)
    return [f"https://{label}.{row['project']}.pages.dev"] if label else None


def branches(db: sqlite3.Connection, project: str) -> dict[str, str]:
    """The newest successful preview deployment of each branch, by alias."""
    newest: dict[str, str] = {}
    for row in db.execute(
        "SELECT id, trigger FROM pages_deployments"
        " WHERE project = ? AND environment = 'preview' AND status = 'success' ORDER BY seq",
        (project,),
    ):
        newest[alias(json.loads(row["trigger"])["metadata"]["branch"])] = row["id"]
    return newest


def default_config() -> dict[str, Any]:
    """The deployment_configs of a new project, for one environment."""
    return {
        "always_use_latest_compatibility_date": False,
        "build_image_major_version": 3,
        "compatibility_date": datetime.now(UTC).date().isoformat(),
        "compatibility_flags": [],
        "env_vars": None,
        "fail_open": True,
        "usage_model": "standard",
    }
