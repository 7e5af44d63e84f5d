"""Direct upload: the upload token and the three asset calls that it, and not the API token, authorises."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.envelope import ApiError, body_array, body_object, ok
from local_cloudflare.pages.model import INVALID, find_project, own_refusal
from local_cloudflare.pages.projects import PROJECT
from local_cloudflare.store import Store

TOKEN_SECONDS = 3600
FILES_ALLOWED = 20_000
FILE_BYTES = 25 * 1024 * 1024


def routes(store: Store) -> list[Route]:
    """Endpoints below /client/v4. ApiError 8000013 for a token that is missing, forged or expired."""
    db = store.db
    key = store.identity("pages_upload_key", secrets.token_hex(32)).encode()

    def authorise(request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims = read_token(key, token) if scheme.lower() == "bearer" else None
        if claims is None or claims["exp"] < time.time():
            raise ApiError(401, 8000013, "Authorization failed: the upload token is not valid (any more).")

    async def upload_token(request: Request) -> Response:
        project = find_project(db, request.path_params["project"])
        issued = int(time.time())
        claims = {
            "iat": issued,
            "exp": issued + TOKEN_SECONDS,
            "account_id": request.path_params["account_id"],
            "project_id": project["id"],
            "max_file_count_allowed": FILES_ALLOWED,
        }
        return ok({"jwt": make_token(key, claims)})

    async def check_missing(request: Request) -> Response:
        authorise(request)
        return ok([hash_ for hash_ in await _hashes(request) if not _known(store, hash_)])

    async def upload(request: Request) -> Response:
        authorise(request)
        assets = [_asset(item) for item in await body_array(request)]
        with store.transaction():
            db.executemany("INSERT OR REPLACE INTO pages_assets VALUES (?, ?, ?)", assets)
        return ok({"successful_key_count": len(assets), "unsuccessful_keys": []})

    async def upsert_hashes(request: Request) -> Response:
        authorise(request)
        await _hashes(request)
        return ok(True)

    return [
        Route(PROJECT + "/upload-token", upload_token),
        Route("/pages/assets/check-missing", check_missing, methods=["POST"]),
        Route("/pages/assets/upload", upload, methods=["POST"]),
        Route("/pages/assets/upsert-hashes", upsert_hashes, methods=["POST"]),
    ]


def make_token(key: bytes, claims: dict[str, Any]) -> str:
    """A JWT signed with HS256 (RFC 7519)."""
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    signed = b".".join(_b64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return (signed + b"." + _b64(hmac.digest(key, signed, hashlib.sha256))).decode()


def read_token(key: bytes, token: str) -> dict[str, Any] | None:
    """The claims of a token that `make_token` made with this key, otherwise None."""
    signed, _, signature = token.rpartition(".")
    expected = _b64(hmac.digest(key, signed.encode(), hashlib.sha256)).decode()
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        return None
    payload = signed.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def _b64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def _hashes(request: Request) -> list[str]:
    hashes = (await body_object(request)).get("hashes")
    if not isinstance(hashes, list) or not all(isinstance(item, str) for item in hashes):
        raise own_refusal(INVALID, "hashes must be an array of texts.")
    return hashes


def _known(store: Store, hash_: str) -> bool:
    found = store.db.execute("SELECT 1 FROM pages_assets WHERE hash = ?", (hash_,)).fetchone()
    return found is not None


def _asset(item: dict[str, Any]) -> tuple[str, str, bytes]:
    """Hash, content type and content. The hash is the client's; it is a name here and not checked."""
    name, value, metadata = item.get("key"), item.get("value"), item.get("metadata")
    if not isinstance(name, str) or not name or not isinstance(value, str):
        raise own_refusal(INVALID, "An asset needs a key and a value.")
    try:
        body = base64.b64decode(value, validate=True) if item.get("base64") else value.encode()
    except binascii.Error:
        raise own_refusal(INVALID, f"The asset {name} is not base64.") from None
    if len(body) > FILE_BYTES:
        raise own_refusal(INVALID, f"The asset {name} is larger than {FILE_BYTES} bytes.")
    media_type = metadata.get("contentType") if isinstance(metadata, dict) else None
    return name, str(media_type or "application/octet-stream"), body
