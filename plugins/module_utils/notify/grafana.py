"""Grafana: an annotation from the opening of the incident to its end, on every dashboard that shows annotations.

https://grafana.com/docs/grafana/latest/developers/http_api/annotations/ (create, and patch, which ends the region)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .attempt import Again, Sent, post
from .message import Message

__all__ = ["send"]

_LONGEST = 2000


def send(declared: Mapping[str, Any], message: Message, thread: str) -> Sent:
    """Begin the annotation, or end the one called ``thread``. Raises as :func:`post` does."""
    moment = int(datetime.fromisoformat(message.time).timestamp() * 1000)
    drill = ["drill"] if message.drill else []
    tags = ["knowngood", message.environment, message.kind, *drill, *map(str, declared["tags"])]
    told: dict[str, Any] = {"text": f"[{message.incident}] {message.subject}"[:_LONGEST], "tags": tags}
    url = f"{declared['url'].rstrip('/')}/api/annotations"
    headers = {"Authorization": f"Bearer {declared['token']}"}
    if thread and message.kind != "opened":
        post(f"{url}/{thread}", json.dumps({**told, "timeEnd": moment}).encode(), headers, method="PATCH")
        return Sent(f"annotation {thread} ended", thread)
    told["time"] = moment
    if declared["dashboard"]:
        told["dashboardUID"] = declared["dashboard"]
    response = post(url, json.dumps(told).encode(), headers)
    try:
        number = str(int(response.json()["id"]))
    except (ValueError, KeyError, TypeError):
        raise Again("an answer that is not Grafana's") from None
    return Sent(f"annotation {number}", number)
