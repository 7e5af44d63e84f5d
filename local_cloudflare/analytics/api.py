"""POST /client/v4/graphql, in the shape of Cloudflare's pages "Querying Workers Metrics" and "Error responses"."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.account import Identity
from local_cloudflare.analytics import invocations
from local_cloudflare.analytics.graphql import Field, GraphqlError, parse
from local_cloudflare.d1 import usage
from local_cloudflare.d1.databases import Databases
from local_cloudflare.envelope import answer, body_object
from local_cloudflare.store import Store

_TYPES = {"viewer": "viewer", "accounts": "account"}


def routes(
    store: Store, databases: Databases, who: Identity, counts: Callable[[], Awaitable[list[list[Any]]]]
) -> list[Route]:
    """Endpoints below /client/v4. `counts` gives what the edge counted since it was last asked."""

    async def graphql(request: Request) -> Response:
        body = await body_object(request)
        invocations.keep(store, await counts())
        try:
            variables = body.get("variables") or {}
            if not isinstance(body.get("query"), str) or not isinstance(variables, dict):
                raise GraphqlError("query contains error, please review it and retry")
            asked = parse(body["query"], variables)
            data = {item.key: _viewer(store, databases, who, item) for item in asked}
        except GraphqlError as error:
            return answer({"data": None, "errors": [_error(error)]}, error.status)
        return answer({"data": data, "errors": None})

    return [Route("/graphql", graphql, methods=["POST"])]


def _viewer(store: Store, databases: Databases, who: Identity, asked: Field) -> dict[str, Any]:
    if asked.name != "viewer":
        raise GraphqlError(f'unknown field "{asked.name}"')
    found: dict[str, Any] = {}
    for item in asked.selections:
        if item.name == "__typename":
            found[item.key] = _TYPES[asked.name]
        elif item.name == "accounts":
            found[item.key] = [_account(store, databases, who, item)]
        else:
            raise GraphqlError(f'unknown field "{item.name}"', path=("viewer",))
    return found


def _account(store: Store, databases: Databases, who: Identity, asked: Field) -> dict[str, Any]:
    path = ("viewer", "accounts", "0")
    if (asked.arguments.get("filter") or {}).get("accountTag") != who.account_id:
        raise GraphqlError("not authorized for that account", 403, path[:-1])
    found: dict[str, Any] = {}
    for item in asked.selections:
        if item.name == "__typename":
            found[item.key] = _TYPES[asked.name]
        elif item.name == "workersInvocationsAdaptive":
            found[item.key] = invocations.answer(store, item, (*path, item.name))
        elif item.name == "d1AnalyticsAdaptiveGroups":
            found[item.key] = usage.answer(databases, item, (*path, item.name))
        else:
            raise GraphqlError(f'unknown field "{item.name}"', path=path)
    return found


def _error(error: GraphqlError) -> dict[str, Any]:
    stamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        "message": str(error),
        "path": list(error.path) or None,
        "extensions": {"timestamp": stamp},
    }
