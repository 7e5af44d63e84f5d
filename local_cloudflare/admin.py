"""The admin API on its own port: faults, the request log, counters, reset. Loopback only, no token."""

import re
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.envelope import ApiError, answer, body_object
from local_cloudflare.faults import Faults
from local_cloudflare.journal import Journal


def routes(
    faults: Faults, edge_faults: Faults, journal: Journal, reset: Callable[[], Awaitable[None]]
) -> list[Route]:
    """Endpoints: /health, /faults, /edge/faults, /requests, /counters, /reset. Errors come in the API's envelope."""

    async def health(_: Request) -> Response:
        return answer({"status": "ok"})

    async def list_requests(request: Request) -> Response:
        query = request.query_params
        try:
            path = re.compile(query.get("path", ""))
            since = int(query.get("since", 0))
        except (re.error, ValueError) as error:
            raise ApiError(
                400, 1, f"path is a regular expression, since a sequence number: {error}"
            ) from None
        method = query.get("method")
        calls = [
            call
            for call in journal.calls()
            if call["seq"] > since and method in (None, call["method"]) and path.search(call["path"])
        ]
        return answer({"requests": calls})

    async def clear_requests(_: Request) -> Response:
        journal.clear()
        return Response(status_code=204)

    async def counters(_: Request) -> Response:
        return answer(journal.counters())

    async def do_reset(_: Request) -> Response:
        await reset()
        return Response(status_code=204)

    return [
        Route("/health", health),
        *_fault_routes("/faults", faults),
        *_fault_routes("/edge/faults", edge_faults),
        Route("/requests", list_requests),
        Route("/requests", clear_requests, methods=["DELETE"]),
        Route("/counters", counters),
        Route("/reset", do_reset, methods=["POST"]),
    ]


def _fault_routes(path: str, faults: Faults) -> list[Route]:
    """List, add, end all, end one."""

    async def shown(_: Request) -> Response:
        return answer({"faults": [fault.describe(faults.by) for fault in faults.current()]})

    async def add(request: Request) -> Response:
        return answer(faults.add(await body_object(request)).describe(faults.by), 201)

    async def clear(_: Request) -> Response:
        return answer({"removed": faults.clear()})

    async def remove(request: Request) -> Response:
        if not faults.remove(request.path_params["fault_id"]):
            raise ApiError(404, 1, "no such fault; its lease may have ended")
        return answer({"removed": 1})

    return [
        Route(path, shown),
        Route(path, add, methods=["POST"]),
        Route(path, clear, methods=["DELETE"]),
        Route(path + "/{fault_id:int}", remove, methods=["DELETE"]),
    ]
