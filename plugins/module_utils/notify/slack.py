"""Slack: with a bot's token one thread per incident, with a webhook the incident's id leads every message.

https://docs.slack.dev/reference/methods/chat.postMessage
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .attempt import Again, Refused, Sent, post
from .message import Message
from .texts import parts_of

__all__ = ["send"]

API = "https://slack.com/api"
# With status 200; everything else is the fault of what was asked.
_TEMPORARY = (
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "service_unavailable",
    "request_timeout",
)
# Slack cuts off what is longer than 40,000 characters, and nobody reads that.
_LONGEST = 8000


def send(declared: Mapping[str, Any], message: Message, thread: str) -> Sent:
    """Hand it over; ``thread`` is the first message of the incident, if there is one. Raises as :func:`post` does."""
    webhook = declared["drill_webhook"] if message.drill else declared["webhook"]
    if webhook:
        post(webhook, _json({"text": text_of(message)}), {})
        return Sent("ok")
    body: dict[str, Any] = {
        "channel": declared["drill_channel"] if message.drill else declared["channel"],
        "text": text_of(message),
        "unfurl_links": False,
        "unfurl_media": False,
    }
    if thread:
        body["thread_ts"] = thread
    url = f"{declared['api_url'].rstrip('/')}/chat.postMessage"
    response = post(url, _json(body), {"Authorization": f"Bearer {declared['token']}"})
    try:
        told = response.json()
        if told["ok"]:
            return Sent(str(told["ts"]), thread or str(told["ts"]))
        error = str(told["error"])
    except (ValueError, KeyError, TypeError):
        raise Again("an answer that is not Slack's") from None
    if error in _TEMPORARY:
        raise Again(error)
    raise Refused(error)


def text_of(message: Message) -> str:
    """The text in Slack's own marks; what could be taken for one is escaped."""
    called = "".join(f"<@{member}> " for member in message.to)
    parts = [f"```{_escaped(part)}```" if even else _escaped(part) for part, even in parts_of(message.text)]
    head = f"{called}*[{_escaped(message.incident)}] {_escaped(message.subject)}*"
    return "\n\n".join([head, *parts])[:_LONGEST]


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _json(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()
