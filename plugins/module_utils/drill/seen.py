"""What a credential can see at Cloudflare. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import requests

from ..concurrent import each
from ..faults import in_words
from .guard import Seen

__all__ = ["CannotLook", "look"]

# What wrangler asks for; larger pages of Pages projects are refused.
_PER_PAGE = 10
_TIMEOUT = 15


class CannotLook(Exception):
    """It could not be seen, and what is not known counts as production."""


def look(url: str, token: str, account: str) -> Seen:
    """Accounts and zones of the token, and what runs in ``account``. Raises :class:`CannotLook`."""
    with requests.Session() as session:
        session.trust_env = url.startswith("https:")
        session.headers.update({"Authorization": f"Bearer {token}", "User-Agent": "knowngood"})

        def listed(path: str) -> list[dict[str, Any]]:
            return list(_pages(lambda page: _get(session, f"{url.rstrip('/')}{path}", page)))

        own = f"/accounts/{account}"
        paths = (
            "/accounts",
            "/zones",
            f"{own}/workers/scripts",
            f"{own}/pages/projects",
            f"{own}/d1/database",
        )
        found: list[list[dict[str, Any]]] = []
        for answer in each(listed, paths):
            if isinstance(answer, Exception):
                raise answer
            found.append(answer)
    accounts, zones, scripts, projects, databases = found
    return Seen(
        accounts=tuple(str(item["id"]) for item in accounts),
        zones=tuple((str(item["id"]), str(item["name"])) for item in zones),
        targets=(
            *(str(item["id"]) for item in scripts),
            *(str(item["name"]) for item in (*projects, *databases)),
        ),
    )


def _pages(read: Callable[[int], list[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """All pages. A list that has none gives everything at once, again and again."""
    number, known = 1, set[str]()
    while True:
        page = read(number)
        new = [item for item in page if str(item.get("id") or item.get("uuid") or item["name"]) not in known]
        yield from new
        known |= {str(item.get("id") or item.get("uuid") or item["name"]) for item in new}
        if not new or len(page) < _PER_PAGE:
            return
        number += 1


def _get(session: requests.Session, url: str, page: int) -> list[dict[str, Any]]:
    try:
        answer = session.get(url, params={"page": page, "per_page": _PER_PAGE}, timeout=_TIMEOUT)
        envelope = answer.json()
        if not envelope["success"]:
            raise CannotLook(f"{url}: status {answer.status_code}, {envelope.get('errors')}")
        result = envelope["result"]
        return result if isinstance(result, list) else list(result["items"])
    except requests.RequestException as error:
        raise CannotLook(f"{url}: {in_words(error)}") from None
    except (ValueError, KeyError, TypeError):
        raise CannotLook(f"{url}: the answer is not Cloudflare's") from None
