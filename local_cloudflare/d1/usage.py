"""The one question to the analytics API that `wrangler d1 info` asks: what a database used, by the hour."""

import time
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_cloudflare.d1.databases import Databases
from local_cloudflare.envelope import ApiError, answer, body_object

MEASURES = ("readQueries", "writeQueries", "rowsRead", "rowsWritten")


def routes(databases: Databases) -> list[Route]:
    """POST /graphql, for d1AnalyticsAdaptiveGroups of a databaseId: the last 24 hours of this process."""

    async def graphql(request: Request) -> Response:
        body = await body_object(request)
        try:
            (filter_,) = body["variables"]["filter"]["AND"]
            database = databases.open(filter_["databaseId"])
            known = "d1AnalyticsAdaptiveGroups" in body["query"]
        except (KeyError, TypeError, ValueError):
            known = False
        if not known:
            raise ApiError(400, 10001, "the local Cloudflare answers only the query of `wrangler d1 info`")
        groups = [
            {
                "sum": {measure: used[measure] for measure in MEASURES},
                "dimensions": {"datetimeHour": datetime.fromtimestamp(hour * 3600, UTC).isoformat()},
            }
            for hour, used in database.usage.items()
            if hour >= time.time() // 3600 - 24
        ]
        accounts = [{"d1AnalyticsAdaptiveGroups": groups}]
        return answer({"data": {"viewer": {"accounts": accounts}}, "errors": None})

    return [Route("/graphql", graphql, methods=["POST"])]
