"""PagerDuty: one alert per incident, by Events API v2. It calls people, by SMS too, until one acknowledges.

https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .attempt import Sent, post
from .message import Message
from .news import FAILURES

__all__ = ["send"]

API = "https://events.pagerduty.com"
_SEVERITIES = {"CRITICAL": "critical", "HIGH": "error", "MEDIUM": "warning", "LOW": "info"}
_LONGEST_SUMMARY = 1024


def send(declared: Mapping[str, Any], message: Message, thread: str) -> Sent:
    """Trigger, acknowledge or resolve the alert of the incident. Raises as :func:`post` does."""
    body: dict[str, Any] = {
        "routing_key": declared["routing_key"],
        "event_action": message.action,
        "dedup_key": message.incident,
        "client": "Known Good",
    }
    if message.action == "trigger":
        failed = message.kind in FAILURES
        body["payload"] = {
            "summary": f"[{message.incident}] {message.subject}"[:_LONGEST_SUMMARY],
            "source": message.environment,
            "severity": "critical" if failed else _SEVERITIES.get(message.severity, "critical"),
            "timestamp": message.time,
            "component": message.environment,
            "class": message.kind,
            "custom_details": {"run": message.run, "text": message.text},
        }
    url = f"{declared['api_url'].rstrip('/')}/v2/enqueue"
    response = post(url, json.dumps(body, ensure_ascii=False).encode(), {})
    return Sent(f"status {response.status_code}, {message.action} {message.incident}")
