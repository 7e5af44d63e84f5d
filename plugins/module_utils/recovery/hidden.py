"""For which components the maintenance page answers: nothing that it says is a word on how they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..ledger.view import Maintenance
from .routes import host_of

__all__ = ["hides", "since", "told"]


def told(shown: Maintenance | None) -> dict[str, Any]:
    """What the ledger knows of the page, as one stage hands it to another; empty when it is not shown.

    ``hosts`` are the names whose routes lead to it, ``since`` is ISO 8601, ``by`` who put it there.
    """
    if shown is None:
        return {}
    hosts = sorted({host_of(str(route["pattern"])) for route in shown.routes})
    return {"hosts": hosts, "since": shown.time.isoformat(timespec="minutes"), "by": shown.by}


def hides(page: Mapping[str, Any], url: str) -> bool:
    """Whether the routes of this address lead to the page."""
    host = urlsplit(url).hostname or ""
    return any(
        host == name or (name.startswith("*") and host.endswith(name[1:])) for name in page.get("hosts", ())
    )


def since(page: Mapping[str, Any]) -> str:
    """In words, for a verdict."""
    return f"since {str(page['since'])[:16].replace('T', ' ')} UTC, by {page['by']}"
