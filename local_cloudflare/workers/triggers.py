"""How requests reach a Worker: routes of zones, custom domains, and cron schedules (stored, never fired)."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare import account
from local_cloudflare.account import Identity
from local_cloudflare.envelope import ACCOUNT, ApiError, body_array, body_object, ok
from local_cloudflare.ids import hex_id, now
from local_cloudflare.routing import Table
from local_cloudflare.store import Store
from local_cloudflare.workers import shapes
from local_cloudflare.workers.model import find_script

SCHEMA = """
CREATE TABLE IF NOT EXISTS routes (
    id TEXT PRIMARY KEY, zone_id TEXT NOT NULL, pattern TEXT NOT NULL, script TEXT, UNIQUE (zone_id, pattern)
);
CREATE INDEX IF NOT EXISTS routes_by_script ON routes (script);
CREATE TABLE IF NOT EXISTS domains (
    id TEXT PRIMARY KEY, hostname TEXT NOT NULL UNIQUE, service TEXT NOT NULL, zone_id TEXT NOT NULL
);
"""


def _route(row: sqlite3.Row) -> dict[str, Any]:
    return {"id": row["id"], "pattern": row["pattern"], "script": row["script"]}


def _zone_of(zones: dict[str, str], given: dict[str, Any], host: str) -> str:
    """The zone id a route or domain belongs to: the one it names, else the one its host is in."""
    if given.get("zone_id") in zones.values():
        return str(given["zone_id"])
    wanted = str(given.get("zone_name") or host)
    for name in sorted(zones, key=len, reverse=True):
        if wanted == name or wanted.endswith("." + name):
            return zones[name]
    raise ApiError(400, 10082, f"Could not find a zone for '{wanted}' on this account.")


def _add_route(db: sqlite3.Connection, zone_id: str, pattern: Any, script: Any) -> str:
    if not isinstance(pattern, str) or not pattern or "://" in pattern.removeprefix("https://"):
        raise ApiError(400, 10022, f"Invalid route pattern: {pattern!r}.")
    if script is not None:
        find_script(db, str(script))
    taken = db.execute(
        "SELECT script FROM routes WHERE zone_id = ? AND pattern = ?", (zone_id, pattern)
    ).fetchone()
    if taken is not None:
        raise ApiError(
            409, 10020, f"A route with the same pattern already exists: '{pattern}' ({taken['script']})."
        )
    route_id = hex_id()
    db.execute("INSERT INTO routes VALUES (?, ?, ?, ?)", (route_id, zone_id, pattern, script))
    return route_id


def routes(store: Store, who: Identity, table: Table) -> list[Route]:
    """Endpoints below /client/v4."""

    async def changed(request: Request) -> None:
        table.refresh_triggers()
        await request.app.state.publish()

    def routes_of(column: str, value: str) -> list[dict[str, Any]]:
        query = f"SELECT * FROM routes WHERE {column} = ? ORDER BY pattern"  # noqa: S608 (constants)
        return [_route(row) for row in store.db.execute(query, (value,))]

    async def script_routes(request: Request) -> Response:
        name = request.path_params["script"]
        find_script(store.db, name)
        return ok(routes_of("script", name))

    async def service_routes(request: Request) -> Response:
        name = request.path_params["script"]
        if store.db.execute("SELECT 1 FROM scripts WHERE name = ?", (name,)).fetchone() is None:
            raise ApiError(404, 10090, "This service does not exist on your account.")
        if request.path_params["environment"] != "production":
            raise ApiError(404, 10092, "This environment does not exist on your account.")
        rows = store.db.execute("SELECT * FROM routes WHERE script = ? ORDER BY pattern", (name,)).fetchall()
        shown = [_route(row) for row in rows]
        if request.query_params.get("show_zonename") == "true":
            shown = [{**_route(row), "zone_name": account.zone_name(store, row["zone_id"])} for row in rows]
        return ok(shown)

    async def put_script_routes(request: Request) -> Response:
        name, wanted = request.path_params["script"], await body_array(request)
        zones = account.zones(store)
        with store.transaction() as db:
            find_script(db, name)
            db.execute("DELETE FROM routes WHERE script = ?", (name,))
            for item in wanted:
                pattern = str(item.get("pattern", ""))
                host = pattern.removeprefix("https://").split("/")[0].removeprefix("*").removeprefix(".")
                _add_route(db, _zone_of(zones, item, host), pattern, name)
        await changed(request)
        return ok(routes_of("script", name))

    def zone_id(request: Request) -> str:
        value: str = request.path_params["zone_id"]
        account.zone_name(store, value)
        return value

    def find_route(request: Request) -> sqlite3.Row:
        row: sqlite3.Row | None = store.db.execute(
            "SELECT * FROM routes WHERE id = ? AND zone_id = ?", (request.path_params["id"], zone_id(request))
        ).fetchone()
        if row is None:
            raise ApiError(404, 10008, "Route not found.")
        return row

    async def zone_routes(request: Request) -> Response:
        return ok(routes_of("zone_id", zone_id(request)))

    async def post_zone_route(request: Request) -> Response:
        zone, body = zone_id(request), await body_object(request)
        with store.transaction() as db:
            route_id = _add_route(db, zone, body.get("pattern"), body.get("script"))
        await changed(request)
        return ok({"id": route_id, "pattern": body["pattern"], "script": body.get("script")})

    async def get_zone_route(request: Request) -> Response:
        return ok(_route(find_route(request)))

    async def put_zone_route(request: Request) -> Response:
        row, body = find_route(request), await body_object(request)
        with store.transaction() as db:
            db.execute("DELETE FROM routes WHERE id = ?", (row["id"],))
            new_id = _add_route(db, row["zone_id"], body.get("pattern"), body.get("script"))
            db.execute("UPDATE routes SET id = ? WHERE id = ?", (row["id"], new_id))
        await changed(request)
        return ok({"id": row["id"], "pattern": body["pattern"], "script": body.get("script")})

    async def delete_zone_route(request: Request) -> Response:
        row = find_route(request)
        with store.transaction() as db:
            db.execute("DELETE FROM routes WHERE id = ?", (row["id"],))
        await changed(request)
        return ok({"id": row["id"]})

    def domain(row: sqlite3.Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "hostname": row["hostname"],
            "service": row["service"],
            "environment": "production",
            "zone_id": row["zone_id"],
            "zone_name": account.zone_name(store, row["zone_id"]),
            "cert_id": row["id"],
        }

    def domains(where: Sequence[tuple[str, str | None]]) -> list[dict[str, Any]]:
        rows = store.db.execute("SELECT * FROM domains ORDER BY hostname").fetchall()
        return [domain(row) for row in rows if all(value in (None, row[key]) for key, value in where)]

    def attach(db: sqlite3.Connection, given: dict[str, Any], service: str) -> None:
        hostname = str(given.get("hostname", ""))
        zone = _zone_of(account.zones(store), given, hostname)
        db.execute(
            "INSERT INTO domains VALUES (?, ?, ?, ?)"
            " ON CONFLICT (hostname) DO UPDATE SET service = excluded.service",
            (hex_id(), hostname, service, zone),
        )

    async def list_domains(request: Request) -> Response:
        keys = ("hostname", "service", "zone_id")
        return ok(domains([(key, request.query_params.get(key)) for key in keys]))

    async def put_domain(request: Request) -> Response:
        body = await body_object(request)
        with store.transaction() as db:
            service = find_script(db, str(body.get("service")))["name"]
            attach(db, body, service)
        await changed(request)
        return ok(domains([("hostname", str(body["hostname"]))])[0])

    def find_domain(request: Request) -> sqlite3.Row:
        row: sqlite3.Row | None = store.db.execute(
            "SELECT * FROM domains WHERE id = ?", (request.path_params["id"],)
        ).fetchone()
        if row is None:
            raise ApiError(404, 100114, "Custom domain not found.")
        return row

    async def get_domain(request: Request) -> Response:
        return ok(domain(find_domain(request)))

    async def delete_domain(request: Request) -> Response:
        row = find_domain(request)
        with store.transaction() as db:
            db.execute("DELETE FROM domains WHERE id = ?", (row["id"],))
        await changed(request)
        return ok(None)

    async def changeset(request: Request) -> Response:
        name, wanted = request.path_params["script"], await body_array(request)
        find_script(store.db, name)
        hostnames = {str(item.get("hostname")): item for item in wanted}
        present = {item["hostname"]: item for item in domains([])}
        updated = [
            {**present[host], "modified": present[host]["service"] != name}
            for host in hostnames
            if host in present
        ]
        removed = [
            item for host, item in present.items() if item["service"] == name and host not in hostnames
        ]
        added = [item for host, item in hostnames.items() if host not in present]
        return ok({"added": added, "removed": removed, "updated": updated, "conflicting": []})

    async def put_records(request: Request) -> Response:
        name, body = request.path_params["script"], await body_object(request)
        shapes.check(body)
        origins = body.get("origins") or []
        taken = {item["hostname"] for item in domains([]) if item["service"] != name}
        with store.transaction() as db:
            find_script(db, name)
            if not body.get("override_existing_origin"):
                for item in origins:
                    if item.get("hostname") in taken:
                        raise ApiError(409, 100116, f"Hostname '{item['hostname']}' is already in use.")
            db.execute("DELETE FROM domains WHERE service = ?", (name,))
            for item in origins:
                attach(db, item, name)
        await changed(request)
        return ok(domains([("service", name)]))

    async def get_schedules(request: Request) -> Response:
        row = find_script(store.db, request.path_params["script"])
        return ok({"schedules": json.loads(row["schedules"])})

    async def put_schedules(request: Request) -> Response:
        name, wanted = request.path_params["script"], await body_array(request)
        moment = now()
        schedules = [
            {"cron": str(item.get("cron", "")), "created_on": moment, "modified_on": moment}
            for item in wanted
        ]
        if any(len(item["cron"].split()) != 5 for item in schedules):
            raise ApiError(400, 10100, "A cron expression has five fields.")
        with store.transaction() as db:
            find_script(db, name)
            db.execute("UPDATE scripts SET schedules = ? WHERE name = ?", (json.dumps(schedules), name))
        return ok({"schedules": schedules})

    script = ACCOUNT + "/workers/scripts/{script}"
    zone = "/zones/{zone_id}/workers/routes"
    return [
        Route(script + "/routes", script_routes),
        Route(script + "/routes", put_script_routes, methods=["PUT"]),
        Route(ACCOUNT + "/workers/services/{script}/environments/{environment}/routes", service_routes),
        Route(zone, zone_routes),
        Route(zone, post_zone_route, methods=["POST"]),
        Route(zone + "/{id}", get_zone_route),
        Route(zone + "/{id}", put_zone_route, methods=["PUT"]),
        Route(zone + "/{id}", delete_zone_route, methods=["DELETE"]),
        Route(ACCOUNT + "/workers/domains", list_domains),
        Route(ACCOUNT + "/workers/domains", put_domain, methods=["PUT"]),
        Route(ACCOUNT + "/workers/domains/records", list_domains),
        Route(ACCOUNT + "/workers/domains/records/{id}", get_domain),
        Route(ACCOUNT + "/workers/domains/{id}", get_domain),
        Route(ACCOUNT + "/workers/domains/{id}", delete_domain, methods=["DELETE"]),
        Route(script + "/domains/changeset", changeset, methods=["POST"]),
        Route(script + "/domains/records", put_records, methods=["PUT"]),
        Route(script + "/schedules", get_schedules),
        Route(script + "/schedules", put_schedules, methods=["PUT"]),
    ]
