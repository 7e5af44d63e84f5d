"""Workers in the store: scripts, their versions, their deployments.

A version is code plus bindings (secrets included) plus runtime settings, and never changes. A deployment
says which one or two versions are live; the newest deployment is the live one.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from local_cloudflare.account import EMAIL, Identity
from local_cloudflare.envelope import ApiError
from local_cloudflare.ids import hex_id, now, uuid_id

SCHEMA = """
CREATE TABLE IF NOT EXISTS scripts (
    name TEXT PRIMARY KEY, id TEXT NOT NULL, created_on TEXT NOT NULL, modified_on TEXT NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0, last_source TEXT NOT NULL,
    workers_dev INTEGER NOT NULL DEFAULT 0, previews INTEGER NOT NULL DEFAULT 0,
    settings TEXT NOT NULL DEFAULT '{}', schedules TEXT NOT NULL DEFAULT '[]',
    migration_tag TEXT, epoch INTEGER NOT NULL DEFAULT 0, classes TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS code (hash TEXT PRIMARY KEY, modules TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
    id TEXT PRIMARY KEY, script TEXT NOT NULL, number INTEGER NOT NULL, created_on TEXT NOT NULL,
    source TEXT NOT NULL, author_email TEXT NOT NULL, author_id TEXT NOT NULL, annotations TEXT NOT NULL,
    code TEXT NOT NULL, main_module TEXT NOT NULL, runtime TEXT NOT NULL, bindings TEXT NOT NULL,
    migration_tag TEXT, epoch INTEGER NOT NULL
);
CREATE UNIQUE INDEX IF NOT EXISTS versions_by_number ON versions (script, number);
CREATE TABLE IF NOT EXISTS deployments (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, script TEXT NOT NULL,
    created_on TEXT NOT NULL, source TEXT NOT NULL, author_email TEXT NOT NULL, annotations TEXT NOT NULL,
    versions TEXT NOT NULL, code_update_strategy TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS deployments_by_script ON deployments (script, seq);
"""

KEPT_DEPLOYMENTS = 10
"""How many deployments of a Worker the API knows (measured in production in September 2026)."""

DEPLOYABLE_VERSIONS = 100
"""How many of the newest versions can be deployed (versions-and-deployments/rollbacks)."""

DEFERRED = {"mode": "deferred", "max_delay": 300}
"""The code update strategy of a deployment that does not name one (durable-objects-code-updates)."""

OWN = 10999
"""Code of refusals whose real code is unknown, or of things only local_cloudflare cannot do."""

Binding = dict[str, Any]


@dataclass(frozen=True)
class Author:
    """Who makes a change, and with what: `source` is wrangler, terraform or api."""

    email: str
    id: str
    source: str


def author(request: Request, who: Identity) -> Author:
    """The author of a request; the source is told by its User-Agent."""
    agent = request.headers.get("user-agent", "").lower()
    source = next((name for name in ("wrangler", "terraform") if name in agent), "api")
    return Author(EMAIL, who.user_id, source)


def own_refusal(message: str) -> ApiError:
    """A refusal with local_cloudflare's own code."""
    return ApiError(400, OWN, f"{message} (This code is local_cloudflare's own; Cloudflare's differs.)")


def find_script(db: sqlite3.Connection, name: str) -> sqlite3.Row:
    """The script. ApiError 10007 when there is none."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM scripts WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise ApiError(404, 10007, "This Worker does not exist on your account.")
    return row


def find_version(db: sqlite3.Connection, script: str, version_id: str) -> sqlite3.Row:
    """A version by id, with or without hyphens. ApiError 10007 when the Worker has no such version."""
    plain = version_id.replace("-", "").lower()
    if len(plain) == 32:
        version_id = "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM versions WHERE id = ? AND script = ?", (version_id, script)
    ).fetchone()
    if row is None:
        find_script(db, script)
        raise ApiError(404, 10007, f"version_not_found: this Worker has no version {version_id}.")
    return row


def newest_version(db: sqlite3.Connection, script: str) -> sqlite3.Row:
    """The version with the highest number. ApiError 10222 when there is none."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM versions WHERE script = ? ORDER BY number DESC LIMIT 1", (script,)
    ).fetchone()
    if row is None:
        raise ApiError(400, 10222, "This Worker has no versions.")
    return row


def live_deployment(db: sqlite3.Connection, script: str) -> sqlite3.Row | None:
    """The newest deployment, None when the Worker was never deployed."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM deployments WHERE script = ? ORDER BY seq DESC LIMIT 1", (script,)
    ).fetchone()
    return row


@dataclass(frozen=True)
class Draft:
    """What a new version is made of. `modules` is {name: {"type", "body" | "base64"}}."""

    modules_json: str
    main_module: str
    runtime: Mapping[str, Any]
    bindings: Sequence[Binding]
    annotations: Mapping[str, str]

    @staticmethod
    def of(db: sqlite3.Connection, version: sqlite3.Row) -> "Draft":
        """A copy of a version, without its annotations."""
        (modules,) = db.execute("SELECT modules FROM code WHERE hash = ?", (version["code"],)).fetchone()
        runtime, bindings = json.loads(version["runtime"]), json.loads(version["bindings"])
        return Draft(modules, version["main_module"], runtime, bindings, {})


def add_version(db: sqlite3.Connection, script: str, draft: Draft, by: Author) -> sqlite3.Row:
    """Stores a version as the newest of the script, at the script's present Durable Object migration."""
    digest = hashlib.sha256(draft.modules_json.encode()).hexdigest()
    db.execute("INSERT OR IGNORE INTO code VALUES (?, ?)", (digest, draft.modules_json))
    (number,) = db.execute(
        "UPDATE scripts SET last_number = last_number + 1, modified_on = ?, last_source = ?"
        " WHERE name = ? RETURNING last_number",
        (now(), by.source, script),
    ).fetchone()
    row = find_script(db, script)
    version_id = uuid_id()
    values = (
        version_id, script, number, now(), by.source, by.email, by.id, json.dumps(draft.annotations), digest,
        draft.main_module, json.dumps(draft.runtime), json.dumps(list(draft.bindings)),
        row["migration_tag"], row["epoch"],
    )  # fmt: skip
    db.execute(f"INSERT INTO versions VALUES ({','.join('?' * len(values))})", values)  # noqa: S608
    return find_version(db, script, version_id)


def add_deployment(
    db: sqlite3.Connection,
    script: str,
    versions: Sequence[Mapping[str, Any]],
    by: Author,
    annotations: Mapping[str, str],
    strategy: Mapping[str, Any] | None = None,
) -> sqlite3.Row:
    """Makes `versions` ([{version_id, percentage}]) live and forgets all but the newest deployments."""
    deployment_id = uuid_id()
    db.execute(
        "INSERT INTO deployments (id, script, created_on, source, author_email, annotations, versions,"
        " code_update_strategy) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            deployment_id, script, now(), by.source, by.email, json.dumps(annotations),
            json.dumps(list(versions)), json.dumps(strategy or DEFERRED),
        ),
    )  # fmt: skip
    db.execute(
        "DELETE FROM deployments WHERE script = ? AND seq NOT IN"
        " (SELECT seq FROM deployments WHERE script = ? ORDER BY seq DESC LIMIT ?)",
        (script, script, KEPT_DEPLOYMENTS),
    )
    live = live_deployment(db, script)
    assert live is not None
    return live


def deploy_version(
    db: sqlite3.Connection,
    version: sqlite3.Row,
    by: Author,
    triggered_by: str,
    message: str | None = None,
    strategy: Mapping[str, Any] | None = None,
) -> None:
    """Deploys one version to 100 %, as uploads and secret changes do by themselves."""
    annotations = {"workers/triggered_by": triggered_by}
    if message:
        annotations["workers/message"] = message
    only = [{"version_id": version["id"], "percentage": 100}]
    add_deployment(db, version["script"], only, by, annotations, strategy)


def new_script(db: sqlite3.Connection, name: str, by: Author) -> None:
    """Adds a script without versions."""
    moment = now()
    db.execute(
        "INSERT INTO scripts (name, id, created_on, modified_on, last_source) VALUES (?, ?, ?, ?, ?)",
        (name, hex_id(), moment, moment, by.source),
    )


def delete_script(db: sqlite3.Connection, name: str) -> None:
    """Removes a script with its versions and deployments, and code that nothing uses any more."""
    for table, column in (("scripts", "name"), ("versions", "script"), ("deployments", "script")):
        db.execute(f"DELETE FROM {table} WHERE {column} = ?", (name,))  # noqa: S608 (constants)
    db.execute("DELETE FROM code WHERE hash NOT IN (SELECT code FROM versions)")
