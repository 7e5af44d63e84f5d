"""Workers KV: one storage, reached through the account's REST API and, for the bindings, by the edge.

Limits and behaviour after the Cloudflare documents kv/platform/limits and kv/api.
"""

import base64
import json
import sqlite3
import time
from typing import Any
from urllib.parse import quote, unquote

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.envelope import ACCOUNT, ApiError, body_object, ok, page
from local_cloudflare.ids import hex_id
from local_cloudflare.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS kv_namespaces (id TEXT PRIMARY KEY, title TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS kv_values (
    namespace TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
    metadata TEXT, expiration INTEGER, PRIMARY KEY (namespace, key)
) WITHOUT ROWID;
"""

KEY_BYTES = 512
VALUE_BYTES = 25 * 1024 * 1024
METADATA_BYTES = 1024
PAGE_KEYS = 1000
LEAST_TTL = 60
BULK_KEYS = 100


def routes(store: Store) -> list[Route]:
    """Endpoints below /client/v4. Refusals: 10013 no such namespace, 10009 no such key, 10014 title taken."""
    db = store.db
    namespaces = ACCOUNT + "/storage/kv/namespaces"
    one = namespaces + "/{namespace}"

    async def list_namespaces(request: Request) -> Response:
        rows = db.execute("SELECT * FROM kv_namespaces ORDER BY title").fetchall()
        return ok(*page(request, [_namespace(row) for row in rows]))

    async def create(request: Request) -> Response:
        title = await _title(request)
        row = {"id": hex_id(), "title": title}
        try:
            with store.transaction():
                db.execute("INSERT INTO kv_namespaces VALUES (:id, :title)", row)
        except sqlite3.IntegrityError:
            raise _title_taken(title) from None
        return ok(_namespace(row))

    async def get_namespace(request: Request) -> Response:
        return ok(_namespace(_find(db, request)))

    async def rename(request: Request) -> Response:
        row, title = _find(db, request), await _title(request)
        try:
            with store.transaction():
                db.execute("UPDATE kv_namespaces SET title = ? WHERE id = ?", (title, row["id"]))
        except sqlite3.IntegrityError:
            raise _title_taken(title) from None
        return ok(_namespace({"id": row["id"], "title": title}))

    async def delete_namespace(request: Request) -> Response:
        row = _find(db, request)
        with store.transaction():
            db.execute("DELETE FROM kv_values WHERE namespace = ?", (row["id"],))
            db.execute("DELETE FROM kv_namespaces WHERE id = ?", (row["id"],))
        return ok({})

    async def list_keys(request: Request) -> Response:
        keys, cursor = _keys(db, _find(db, request)["id"], request)
        return ok(keys, {"count": len(keys), "cursor": cursor})

    async def get_value(request: Request) -> Response:
        row = _present(db, _find(db, request)["id"], request)
        headers = {} if row["expiration"] is None else {"expiration": str(row["expiration"])}
        return Response(row["value"], headers=headers, media_type="application/octet-stream")

    async def get_metadata(request: Request) -> Response:
        return ok(json.loads(_present(db, _find(db, request)["id"], request)["metadata"] or "null"))

    async def bulk_get(request: Request) -> Response:
        namespace, asked = _find(db, request)["id"], await body_object(request)
        keys, kind = asked.get("keys"), asked.get("type", "text")
        if not isinstance(keys, list) or not 0 < len(keys) <= BULK_KEYS:
            raise ApiError(400, 10029, f"keys must be a list of 1 to {BULK_KEYS} keys")
        if kind not in ("text", "json"):
            raise ApiError(400, 10029, "type must be text or json")
        values = {key: _bulk_value(_row(db, namespace, _fit(key)), key, kind) for key in keys}
        if sum(len(row["text"]) for row in values.values() if row) > VALUE_BYTES:
            raise ApiError(413, 10029, f"the values have more than {VALUE_BYTES} bytes together")
        if asked.get("withMetadata"):
            return ok({"values": {key: row and row["full"] for key, row in values.items()}})
        return ok({"values": {key: row and row["full"]["value"] for key, row in values.items()}})

    async def put_value(request: Request) -> Response:
        namespace = _find(db, request)["id"]
        value, metadata = await _uploaded(request)
        _put(store, namespace, request, value, metadata)
        return ok({})

    async def delete_value(request: Request) -> Response:
        _delete(store, _find(db, request)["id"], request)
        return ok({})

    return [
        Route(namespaces, list_namespaces),
        Route(namespaces, create, methods=["POST"]),
        Route(one, get_namespace),
        Route(one, rename, methods=["PUT"]),
        Route(one, delete_namespace, methods=["DELETE"]),
        Route(one + "/keys", list_keys),
        Route(one + "/bulk/get", bulk_get, methods=["POST"]),
        Route(one + "/metadata/{key:path}", get_metadata),
        Route(one + "/values/{key:path}", get_value),
        Route(one + "/values/{key:path}", put_value, methods=["PUT"]),
        Route(one + "/values/{key:path}", delete_value, methods=["DELETE"]),
    ]


def internal_routes(store: Store) -> list[Route]:
    """Endpoints of the admin server that only the edge calls, for the bindings.

    Values are bodies; metadata is percent-encoded JSON in the header x-metadata; a missing key is a 204.
    """
    db = store.db
    one = "/internal/kv/{namespace}"

    async def get(request: Request) -> Response:
        row = _live(db, _find(db, request)["id"], request)
        if row is None:
            return Response(status_code=204)
        metadata = quote(row["metadata"] or "null")
        return Response(row["value"], headers={"x-metadata": metadata}, media_type="application/octet-stream")

    async def put(request: Request) -> Response:
        namespace = _find(db, request)["id"]
        metadata = request.headers.get("x-metadata")
        value = await request.body()
        _put(store, namespace, request, value, None if metadata is None else unquote(metadata))
        return Response(status_code=204)

    async def delete(request: Request) -> Response:
        _delete(store, _find(db, request)["id"], request)
        return Response(status_code=204)

    async def keys(request: Request) -> Response:
        found, cursor = _keys(db, _find(db, request)["id"], request)
        return Response(json.dumps({"keys": found, "cursor": cursor}), media_type="application/json")

    return [
        Route(one + "/keys", keys),
        Route(one + "/values/{key:path}", get),
        Route(one + "/values/{key:path}", put, methods=["PUT"]),
        Route(one + "/values/{key:path}", delete, methods=["DELETE"]),
    ]


def _namespace(row: Any) -> dict[str, Any]:
    return {"id": row["id"], "title": row["title"], "supports_url_encoding": True}


async def _title(request: Request) -> str:
    title = (await body_object(request)).get("title")
    if not isinstance(title, str) or not 0 < len(title) <= 512:
        raise ApiError(400, 10019, "title must be a text of 1 to 512 characters")
    return title


def _title_taken(title: str) -> ApiError:
    return ApiError(400, 10014, f"a namespace with this account ID and title already exists: {title}")


def _find(db: sqlite3.Connection, request: Request) -> sqlite3.Row:
    namespace = request.path_params["namespace"]
    row: sqlite3.Row | None = db.execute("SELECT * FROM kv_namespaces WHERE id = ?", (namespace,)).fetchone()
    if row is None:
        raise ApiError(404, 10013, f"namespace not found: {namespace}")
    return row


def _key(request: Request) -> str:
    return _fit(request.path_params["key"])


def _fit(key: Any) -> str:
    if not isinstance(key, str) or not 0 < len(key.encode()) <= KEY_BYTES or key in (".", ".."):
        raise ApiError(400, 10011, f"a key has 1 to {KEY_BYTES} bytes and is neither . nor ..")
    return key


def _live(db: sqlite3.Connection, namespace: str, request: Request) -> sqlite3.Row | None:
    return _row(db, namespace, _key(request))


def _row(db: sqlite3.Connection, namespace: str, key: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM kv_values WHERE namespace = ? AND key = ? AND (expiration IS NULL OR expiration > ?)",
        (namespace, key, time.time()),
    ).fetchone()
    return row


def _bulk_value(row: sqlite3.Row | None, key: str, kind: str) -> dict[str, Any] | None:
    if row is None:
        return None
    try:
        value = row["value"].decode()
        full = {
            "value": json.loads(value) if kind == "json" else value,
            "metadata": json.loads(row["metadata"] or "null"),
        }
    except ValueError:
        raise ApiError(400, 10029, f"the value of {key} is not {kind}") from None
    if row["expiration"] is not None:
        full["expiration"] = row["expiration"]
    return {"text": row["value"], "full": full}


def _present(db: sqlite3.Connection, namespace: str, request: Request) -> sqlite3.Row:
    row = _live(db, namespace, request)
    if row is None:
        raise ApiError(404, 10009, f"get: 'key not found': {request.path_params['key']}")
    return row


def _keys(db: sqlite3.Connection, namespace: str, request: Request) -> tuple[list[dict[str, Any]], str]:
    """One page of keys in byte order, and the cursor of the next page (empty at the end)."""
    query = request.query_params
    try:
        limit = int(query.get("limit", PAGE_KEYS))
        after = base64.urlsafe_b64decode(query.get("cursor", "")).decode()
    except ValueError:
        raise ApiError(400, 10029, "limit must be a number and cursor one that was given out") from None
    if not 1 <= limit <= PAGE_KEYS:
        raise ApiError(400, 10029, f"limit must be between 1 and {PAGE_KEYS}")
    prefix = query.get("prefix", "")
    rows = db.execute(
        "SELECT key, expiration, metadata FROM kv_values WHERE namespace = ? AND key > ?"
        " AND substr(key, 1, length(?)) = ? AND (expiration IS NULL OR expiration > ?)"
        " ORDER BY key LIMIT ?",
        (namespace, after, prefix, prefix, time.time(), limit + 1),
    ).fetchall()
    keys: list[dict[str, Any]] = []
    for row in rows[:limit]:
        entry = {"name": row["key"]}
        if row["expiration"] is not None:
            entry["expiration"] = row["expiration"]
        if row["metadata"] is not None:
            entry["metadata"] = json.loads(row["metadata"])
        keys.append(entry)
    more = len(rows) > limit
    return keys, base64.urlsafe_b64encode(keys[-1]["name"].encode()).decode() if more else ""


async def _uploaded(request: Request) -> tuple[bytes, str | None]:
    """The value and metadata of a REST upload: a bare body, or a form with `value` and `metadata`."""
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await request.body(), None
    async with request.form(max_part_size=VALUE_BYTES) as form:
        value, metadata = form.get("value"), form.get("metadata")
        content = await value.read() if isinstance(value, UploadFile) else (value or "").encode()
        return content, metadata if isinstance(metadata, str) else None


def _put(store: Store, namespace: str, request: Request, value: bytes, metadata: str | None) -> None:
    key, query, now = _key(request), request.query_params, int(time.time())
    try:
        expiration = int(query["expiration"]) if "expiration" in query else None
        if "expiration_ttl" in query:
            expiration = now + int(query["expiration_ttl"])
        if metadata is not None:
            metadata = json.dumps(json.loads(metadata), separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise ApiError(400, 10021, f"expirations are whole seconds and metadata is JSON: {error}") from None
    if expiration is not None and expiration < now + LEAST_TTL:
        raise ApiError(400, 10021, f"Invalid expiration: it must be at least {LEAST_TTL} seconds ahead.")
    if len(value) > VALUE_BYTES:
        raise ApiError(413, 10027, f"Value length of {len(value)} exceeds limit of {VALUE_BYTES}.")
    if metadata is not None and len(metadata.encode()) > METADATA_BYTES:
        raise ApiError(413, 10028, f"Metadata length exceeds limit of {METADATA_BYTES}.")
    with store.transaction() as db:
        db.execute("DELETE FROM kv_values WHERE expiration <= ?", (now,))
        db.execute(
            "INSERT OR REPLACE INTO kv_values VALUES (?, ?, ?, ?, ?)",
            (namespace, key, value, metadata, expiration),
        )


def _delete(store: Store, namespace: str, request: Request) -> None:
    with store.transaction() as db:
        db.execute("DELETE FROM kv_values WHERE namespace = ? AND key = ?", (namespace, _key(request)))
