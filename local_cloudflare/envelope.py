"""The answer envelope of the Cloudflare API (fundamentals/api/reference) and its errors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

ACCOUNT = "/accounts/{account_id}"
"""Prefix of every account route; the gateway has already checked that the id is this account's."""


class ApiError(Exception):
    """A refusal: HTTP status, Cloudflare code, message. `chain` is the nested cause, as in 6003/6111."""

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        chain: Sequence[tuple[int, str]] = (),
        also: Sequence[tuple[int, str]] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.errors: list[dict[str, Any]] = [{"code": code, "message": message}]
        if chain:
            self.errors[0]["error_chain"] = [{"code": c, "message": m} for c, m in chain]
        self.errors += [{"code": c, "message": m} for c, m in also]


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return Response(text, status, dict(headers or {}), "application/json")


def ok(result: Any, result_info: Mapping[str, int | str] | None = None, status: int = 200) -> Response:
    """A success. `result_info` is {page, per_page, count, total_count, total_pages} or {cursor}."""
    body: dict[str, Any] = {"success": True, "errors": [], "messages": [], "result": result}
    if result_info is not None:
        body["result_info"] = result_info
    return answer(body, status)


def failure(error: ApiError, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal in the envelope."""
    body = {"success": False, "errors": error.errors, "messages": [], "result": None}
    return answer(body, error.status, headers)


async def api_error(_: Request, error: Exception) -> Response:
    """Starlette exception handler for ApiError."""
    assert isinstance(error, ApiError)
    return failure(error)


async def http_error(request: Request, error: Exception) -> Response:
    """Starlette exception handler for unknown paths and methods: codes 7003 + 7000, and 7001."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return failure(ApiError(405, 7001, f"Method {request.method} not available for that URI."))
    if error.status_code == 404:
        return failure(no_route(request.url.path))
    return failure(ApiError(error.status_code, 10001, str(error.detail)))


async def unexpected(_: Request, __: Exception) -> Response:
    """Starlette exception handler for our own bugs: code 10013."""
    return failure(ApiError(500, 10013, "An unknown error has occurred."))


def no_route(path: str) -> ApiError:
    """Unknown path or malformed identifier."""
    return ApiError(
        404,
        7003,
        f"Could not route to {path}, perhaps your object identifier is invalid?",
        also=[(7000, "No route for that URI")],
    )


async def body_object(request: Request) -> dict[str, Any]:
    """The request's JSON object; an empty body is an empty object. ApiError 6007 for anything else."""
    raw = await request.body()
    if not raw.strip():
        return {}
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(400, 6007, "Malformed JSON in request body")
    return value


async def body_array(request: Request) -> list[dict[str, Any]]:
    """The request's JSON array of objects. ApiError 6007 for anything else."""
    try:
        value = json.loads(await request.body())
    except ValueError:
        value = None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ApiError(400, 6007, "Malformed JSON in request body")
    return value


def page(request: Request, rows: Sequence[Any], per_page: int = 20) -> tuple[list[Any], dict[str, int]]:
    """The part of `rows` that ?page and ?per_page ask for, and its result_info."""
    try:
        number = int(request.query_params.get("page", 1))
        size = int(request.query_params.get("per_page", per_page))
    except ValueError:
        raise ApiError(400, 10001, "page and per_page must be integers") from None
    if number < 1 or not 1 <= size <= 5000:
        raise ApiError(400, 10001, "page must be at least 1 and per_page between 1 and 5000")
    part = list(rows[(number - 1) * size : number * size])
    total = len(rows)
    info = {"page": number, "per_page": size, "count": len(part), "total_count": total}
    info["total_pages"] = -(-total // size)
    return part, info
