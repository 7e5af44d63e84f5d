"""For which components the maintenance page answers: nothing that it says is a word on how they are."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..concurrent import each
from ..dns.records import Record
from ..ledger.view import Maintenance
from ..probe.connect import Connector
from ..probe.contract import Contract
from .page import what_it_says
from .routes import host_of

__all__ = ["because", "for_whom", "hidden", "hides", "since", "told"]


def told(shown: Maintenance | None) -> dict[str, Any]:
    """What the ledger knows of the page, as one stage hands it to another; empty when it is not shown.

    ``hosts`` are the names that lead to it, ``records`` those of them that do so by DNS, with the records; ``since`` is
    ISO 8601, ``by`` who put it there.
    """
    if shown is None:
        return {}
    hosts = sorted({*(host_of(str(route["pattern"])) for route in shown.routes), *shown.names})
    since_ = shown.time.isoformat(timespec="minutes")
    return {"hosts": hosts, "records": dict(shown.names), "since": since_, "by": shown.by}


def hides(page: Mapping[str, Any], url: str) -> bool:
    """Whether this address leads to the page."""
    host = urlsplit(url).hostname or ""
    return any(
        host == name or (name.startswith("*") and host.endswith(name[1:])) for name in page.get("hosts", ())
    )


def hidden(connector: Connector, page: Mapping[str, Any], contracts: Mapping[str, Contract]) -> list[str]:
    """The components for which the page answers. The ledger may be out of date, so each is looked at."""
    behind = {name: contract.url for name, contract in contracts.items() if hides(page, contract.url)}
    found = []
    for name, is_it in zip(
        behind, each(lambda url: _answers(connector, page, url), behind.values()), strict=True
    ):
        if isinstance(is_it, Exception):
            raise is_it
        if is_it:
            found.append(name)
    return found


def since(page: Mapping[str, Any]) -> str:
    """In words, for a verdict."""
    return f"since {str(page['since'])[:16].replace('T', ' ')} UTC, by {page['by']}"


def because(page: Mapping[str, Any]) -> str:
    """Why nothing can be said of a component, in words."""
    return f"the maintenance page answers for it, {since(page)}"


def for_whom(names: Iterable[str], page: Mapping[str, Any]) -> str:
    """The components for which it answers, in words."""
    return f"the maintenance page answers for {', '.join(names)}, {since(page)}"


def _answers(connector: Connector, page: Mapping[str, Any], url: str) -> bool:
    if not what_it_says(connector, url):
        return True
    host = urlsplit(url).hostname or ""
    # A page elsewhere may say anything to a path that it does not know, or have no certificate for the name.
    return connector.follows_names and _leads_there(host, page.get("records", {}).get(host, ()))


def _leads_there(host: str, records: Iterable[Record]) -> bool:
    """Whether DNS leads this machine where the records do. What is proxied looks alike, whatever is behind it."""
    places = {str(record["content"]) for record in records if not record.get("proxied")}
    return bool(_addresses(host) & {address for place in places for address in _addresses(place)})


def _addresses(host: str) -> set[str]:
    try:
        return {str(item[4][0]) for item in socket.getaddrinfo(host, None)}
    except OSError:
        return set()
