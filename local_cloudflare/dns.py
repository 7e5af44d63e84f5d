"""DNS records of the zones: list with filters, view, create, change, delete, batch.

What they are to the rest of the world is in dns_answers.py.
"""

import ipaddress
import json
import sqlite3
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import zone_name
from local_cloudflare.envelope import ApiError, body_object, ok, page
from local_cloudflare.ids import hex_id, now
from local_cloudflare.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS dns_records (
    id TEXT PRIMARY KEY, zone_id TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, content TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS dns_records_by_name ON dns_records (zone_id, name);
"""

BATCH_LIMIT = 200
"""Changes in one batch on the Free plan (dns/manage-dns-records/how-to/batch-record-changes)."""

_TYPES = ("A", "AAAA", "CAA", "CNAME", "MX", "NS", "PTR", "SRV", "TXT")
_PROXIABLE = ("A", "AAAA", "CNAME")
_WRITABLE = {"name", "type", "content", "ttl", "proxied", "comment", "tags", "settings", "priority", "data"}


def _invalid(message: str) -> ApiError:
    return ApiError(400, 1004, "DNS Validation Error", chain=[(9000, message)])


def _check(record: dict[str, Any]) -> None:
    kind, content = record["type"], record["content"]
    if kind not in _TYPES:
        raise _invalid(f"Invalid or unsupported record type {kind!r}.")
    if not isinstance(content, str) or not content:
        raise _invalid("DNS record content is missing.")
    if kind in ("A", "AAAA"):
        try:
            fits = ipaddress.ip_address(content).version == (4 if kind == "A" else 6)
        except ValueError:
            fits = False
        if not fits:
            raise _invalid(f"Content for {kind} record must be a valid IPv{4 if kind == 'A' else 6} address.")
    ttl = record["ttl"]
    if isinstance(ttl, bool) or not isinstance(ttl, int) or (ttl != 1 and not 30 <= ttl <= 86_400):
        raise _invalid("ttl must be 1 (automatic) or between 30 and 86400 seconds.")
    if record["proxied"] and not record["proxiable"]:
        raise _invalid("This record type cannot be proxied.")


class _Zone:
    """The records of one zone inside a transaction."""

    def __init__(self, db: sqlite3.Connection, zone_id: str, name: str) -> None:
        self._db = db
        self._id = zone_id
        self._name = name

    def find(self, record_id: Any) -> dict[str, Any]:
        row = self._db.execute(
            "SELECT body FROM dns_records WHERE id = ? AND zone_id = ?", (str(record_id), self._id)
        ).fetchone()
        if row is None:
            raise ApiError(404, 81044, "Record does not exist.")
        record: dict[str, Any] = json.loads(row["body"])
        return record

    def _complete(self, given: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
        moment = now()
        record = {
            "id": hex_id(), "name": None, "type": None, "content": None, "proxiable": False, "proxied": False,
            "ttl": 1, "settings": {}, "meta": {}, "comment": None, "tags": [], "created_on": moment,
            **base, **{key: given[key] for key in given.keys() & _WRITABLE}, "modified_on": moment,
        }  # fmt: skip
        name = str(record["name"] or "").lower().rstrip(".")
        if not name:
            raise _invalid("DNS name is missing.")
        if name == "@":
            name = self._name
        elif name != self._name and not name.endswith("." + self._name):
            name = f"{name}.{self._name}"
        record["name"] = name
        record["type"] = str(record["type"]).upper()
        record["proxiable"] = record["type"] in _PROXIABLE
        record["proxied"] = bool(record["proxied"])
        _check(record)
        return record

    def _store(self, record: dict[str, Any]) -> dict[str, Any]:
        others = self._db.execute(
            "SELECT type, content FROM dns_records WHERE zone_id = ? AND name = ? AND id != ?",
            (self._id, record["name"], record["id"]),
        ).fetchall()
        for other in others:
            if (other["type"], other["content"]) == (record["type"], record["content"]):
                raise ApiError(400, 81058, "An identical record already exists.")
            # Beside a name's alias there may be texts and mail, as at the apex, but nothing else to go to.
            beside = other["type"] if record["type"] == "CNAME" else record["type"]
            if "CNAME" in (other["type"], record["type"]) and beside in (*_PROXIABLE, "NS"):
                raise ApiError(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")
        values = (self._id, record["name"], record["type"], record["content"], json.dumps(record))
        self._db.execute(
            "INSERT INTO dns_records (zone_id, name, type, content, body, id) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type,"
            " content = excluded.content, body = excluded.body",
            (*values, record["id"]),
        )
        return record

    def post(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._store(self._complete(given, {}))

    def patch(self, record_id: Any, given: dict[str, Any]) -> dict[str, Any]:
        return self._store(self._complete(given, self.find(record_id)))

    def put(self, record_id: Any, given: dict[str, Any]) -> dict[str, Any]:
        old = self.find(record_id)
        return self._store(self._complete(given, {"id": old["id"], "created_on": old["created_on"]}))

    def delete(self, record_id: Any) -> dict[str, Any]:
        record = self.find(record_id)
        self._db.execute("DELETE FROM dns_records WHERE id = ?", (record["id"],))
        return record


def _matches(record: dict[str, Any], query: dict[str, str]) -> bool:
    tests: dict[str, Callable[[str], bool]] = {
        "type": lambda v: record["type"] == v.upper(),
        "name": lambda v: record["name"] == v.lower(),
        "name.exact": lambda v: record["name"] == v.lower(),
        "name.contains": lambda v: v.lower() in record["name"],
        "name.startswith": lambda v: record["name"].startswith(v.lower()),
        "name.endswith": lambda v: record["name"].endswith(v.lower()),
        "content": lambda v: record["content"] == v,
        "content.exact": lambda v: record["content"] == v,
        "content.contains": lambda v: v in record["content"],
        "proxied": lambda v: record["proxied"] == (v == "true"),
        "comment.contains": lambda v: v in (record["comment"] or ""),
    }
    return all(test(query[key]) for key, test in tests.items() if key in query)


def routes(store: Store) -> list[Route]:
    """Endpoints below /client/v4."""

    def zone(db: sqlite3.Connection, request: Request) -> _Zone:
        zone_id = request.path_params["zone_id"]
        return _Zone(db, zone_id, zone_name(store, zone_id))

    async def listing(request: Request) -> Response:
        zone(store.db, request)
        rows = store.db.execute(
            "SELECT body FROM dns_records WHERE zone_id = ? ORDER BY name, type, content",
            (request.path_params["zone_id"],),
        )
        query = dict(request.query_params)
        found = [record for record in (json.loads(row["body"]) for row in rows) if _matches(record, query)]
        return ok(*page(request, found, per_page=100))

    async def view(request: Request) -> Response:
        return ok(zone(store.db, request).find(request.path_params["id"]))

    async def create(request: Request) -> Response:
        given = await body_object(request)
        with store.transaction() as db:
            record = zone(db, request).post(given)
        return ok(record)

    async def change(request: Request) -> Response:
        given = await body_object(request)
        with store.transaction() as db:
            here = zone(db, request)
            how = here.patch if request.method == "PATCH" else here.put
            record = how(request.path_params["id"], given)
        return ok(record)

    async def delete(request: Request) -> Response:
        with store.transaction() as db:
            record = zone(db, request).delete(request.path_params["id"])
        return ok({"id": record["id"]})

    async def batch(request: Request) -> Response:
        given = await body_object(request)
        parts = {key: given.get(key) or [] for key in ("deletes", "patches", "puts", "posts")}
        if not all(isinstance(part, list) for part in parts.values()) or not all(
            isinstance(item, dict) for part in parts.values() for item in part
        ):
            raise ApiError(400, 9207, "deletes, patches, puts and posts must be arrays of objects")
        if sum(map(len, parts.values())) > BATCH_LIMIT:
            raise ApiError(400, 9207, f"A batch may have {BATCH_LIMIT} changes.")
        with store.transaction() as db:
            here = zone(db, request)
            # The order is part of the contract: deletes, patches, puts, posts.
            result = {
                "deletes": [here.delete(item.get("id")) for item in parts["deletes"]],
                "patches": [here.patch(item.get("id"), item) for item in parts["patches"]],
                "puts": [here.put(item.get("id"), item) for item in parts["puts"]],
                "posts": [here.post(item) for item in parts["posts"]],
            }
        return ok(result)

    path = "/zones/{zone_id}/dns_records"
    return [
        Route(path, listing),
        Route(path, create, methods=["POST"]),
        Route(path + "/batch", batch, methods=["POST"]),
        Route(path + "/{id}", view),
        Route(path + "/{id}", change, methods=["PATCH", "PUT"]),
        Route(path + "/{id}", delete, methods=["DELETE"]),
    ]
