"""One question over HTTP, with an end to its patience: a service that watches must not hold up what it watches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests

from ..faults import in_words
from .model import Unread

__all__ = ["ask"]

CONNECT, READ = 3.0, 10.0
_LONGEST = 5_000_000


def ask(
    method: str,
    url: str,
    *,
    token: str = "",
    headers: Mapping[str, str] | None = None,
    params: Any = None,
    body: Any = None,
    said: str = "",
) -> Any:
    """The JSON of a good answer. Raises :class:`Unread`, with what a bad one says under the key ``said``.

    Redirects are not followed: a token goes where the inventory says, and nowhere else.
    """
    with requests.Session() as session:
        session.trust_env = url.startswith("https:")
        told = {"User-Agent": "knowngood", "Accept": "application/json", **(headers or {})}
        if token:
            told["Authorization"] = f"Bearer {token}"
        try:
            answer = session.request(
                method,
                url,
                headers=told,
                params=params,
                json=body,
                timeout=(CONNECT, READ),
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise Unread(f"not reached: {in_words(error)}") from None
    if len(answer.content) > _LONGEST:
        raise Unread("an answer that is too long")
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not answer.ok or answer.is_redirect:
        raise Unread(f"status {answer.status_code}{_reason(content, said)}")
    if content is None:
        raise Unread("an answer that is no JSON: is the address right?")
    return content


def _reason(content: Any, key: str) -> str:
    """What a refusal says of itself: the text under ``key``, or the first message of Cloudflare's list."""
    if not isinstance(content, dict):
        return ""
    told = content.get(key)
    if isinstance(told, list) and told and isinstance(told[0], dict):
        told = told[0].get("message")
    return f": {str(told)[:200]}" if told else ""
