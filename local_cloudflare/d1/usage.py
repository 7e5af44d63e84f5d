"""What a database used, by the hour: the dataset `d1AnalyticsAdaptiveGroups`, which `wrangler d1 info` asks for."""

import time
from datetime import UTC, datetime
from typing import Any

from local_cloudflare.analytics.graphql import Field, GraphqlError
from local_cloudflare.d1.databases import Databases

MEASURES = ("readQueries", "writeQueries", "rowsRead", "rowsWritten")


def answer(databases: Databases, asked: Field, path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The last 24 hours of this process, for the filter of wrangler: one databaseId. Raises GraphqlError."""
    try:
        (wanted,) = asked.arguments["filter"]["AND"]
        database = databases.open(wanted["databaseId"])
    except (KeyError, TypeError, ValueError):
        raise GraphqlError(
            "error parsing args: the filter must be that of `wrangler d1 info`", path=path
        ) from None
    groups = []
    for hour, used in database.usage.items():
        if hour >= time.time() // 3600 - 24:
            known = {measure: used[measure] for measure in MEASURES}
            moment = {"datetimeHour": datetime.fromtimestamp(hour * 3600, UTC).isoformat()}
            parts: dict[str, dict[str, Any]] = {"sum": known, "dimensions": moment}
            groups.append(
                {
                    part.key: {item.key: parts.get(part.name, {}).get(item.name) for item in part.selections}
                    for part in asked.selections
                }
            )
    return groups
