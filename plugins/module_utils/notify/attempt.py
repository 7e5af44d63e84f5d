"""One attempt to hand a message over: what it can come to, and the HTTP that three of the channels share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

from ..faults import in_words

__all__ = ["CONNECT", "READ", "Again", "Refused", "Sent", "post"]

# Seconds. A service that is well answers in a tenth; a run waits for none of them.
CONNECT, READ = 3.0, 5.0
_TEMPORARY = (408, 425, 429)


@dataclass(frozen=True)
class Sent:
    """``receipt`` is what the service calls it; ``thread`` is Slack's name for what later messages answer to."""

    receipt: str
    thread: str = ""


class Again(Exception):
    """Not handed over, or nobody knows; ``after`` are the seconds that the service asked for."""

    def __init__(self, why: str, after: float = 0) -> None:
        super().__init__(why)
        self.after = after


class Refused(Exception):
    """The service will not take it, however often it is asked."""


def post(url: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> requests.Response:
    """The answer to JSON that was posted, when it is a good one. Raises :class:`Again` and :class:`Refused`.

    Redirects are not followed: a secret goes where the inventory says, and nowhere else.
    """
    try:
        response = requests.request(
            method,
            url,
            data=body,
            headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": "knowngood", **headers},
            timeout=(CONNECT, READ),
            allow_redirects=False,
        )
    except (
        requests.exceptions.InvalidURL,
        requests.exceptions.MissingSchema,
        requests.exceptions.InvalidSchema,
    ):
        raise Refused("the address is none that can be asked") from None
    except requests.RequestException as error:
        raise Again(in_words(error)) from None
    status = response.status_code
    if status in _TEMPORARY or status >= 500:
        raise Again(f"status {status}", _seconds(response.headers.get("retry-after")))
    if not response.ok or response.is_redirect:
        raise Refused(f"status {status}")
    return response


def _seconds(said: str | None) -> float:
    """``Retry-After``: seconds, or a date."""
    if not said:
        return 0
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0
