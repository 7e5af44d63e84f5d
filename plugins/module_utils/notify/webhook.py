"""A webhook of one's own: JSON, signed, so that whoever receives it knows that it is from here, and when it was sent.

``X-Knowngood-Signature`` is ``sha256=`` and the HMAC-SHA256, in hex, of ``X-Knowngood-Timestamp`` (seconds since
1970), a full stop, and the body as it is. A receiver compares in constant time, refuses timestamps that are more than
a few minutes off, and knows by ``id`` what it has already.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from .attempt import Sent, post
from .message import Message

__all__ = ["send", "signature"]

_TOLD = ("id", "incident", "run", "environment", "audience", "severity", "drill", "time", "subject", "text")


def send(declared: Mapping[str, Any], message: Message, thread: str) -> Sent:
    """Post it. Raises as :func:`post` does."""
    told = {**{name: getattr(message, name) for name in _TOLD}, "event": message.kind}
    body = json.dumps(told, ensure_ascii=False).encode()
    stamp = str(int(time.time()))
    headers = {
        "X-Knowngood-Id": message.id,
        "X-Knowngood-Timestamp": stamp,
        "X-Knowngood-Signature": signature(declared["secret"], stamp, body),
    }
    return Sent(f"status {post(declared['url'], body, headers).status_code}")


def signature(secret: str, stamp: str, body: bytes) -> str:
    """The value of ``X-Knowngood-Signature``."""
    return "sha256=" + hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
