"""What the inventory says of signals, checked; what is wrong is left out, and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import jmespath

from ..declared import resolved

__all__ = ["ADAPTERS", "CHECKS", "declared_signals"]

ADAPTERS = ("cloudflare", "prometheus", "loki", "sentry", "json")
"""The kinds of sources; ``cloudflare`` and ``sentry`` are one each, of the others there may be several."""

CHECKS = {"cloudflare": "cloudflare analytics"}
"""What the check of an adapter is called, where that is not its own name."""

_ONE = ("cloudflare", "sentry")
_NEEDED: dict[str, tuple[str, ...]] = {
    "cloudflare": (),
    "prometheus": ("name", "url", "query"),
    "loki": ("name", "url", "query"),
    "sentry": ("organization",),
    "json": ("name", "url", "value"),
}
_KNOWN: dict[str, dict[str, Any]] = {
    "cloudflare": {"max": 0.01, "min_requests": 100, "token": ""},
    "prometheus": {"token": "", "headers": {}, "component": "", "max": None, "min": None},
    "loki": {"token": "", "headers": {}, "component": "", "max": None, "min": None},
    "sentry": {
        "url": "https://sentry.io",
        "token": "",
        "query": "",
        "project": [],
        "environment": "",
        "by": "",
        "max": None,
        "min": None,
        "component": "",
    },
    "json": {"token": "", "headers": {}, "component": "", "max": None, "min": None},
}


def declared_signals(variables: Mapping[str, Any]) -> dict[str, Any]:
    """``sources`` (each with ``adapter``, ``check`` and its settings), and ``problems`` as sentences.

    ``variables`` are those of a host. A signal that cannot be used is not among the sources: it must not stop a
    rollback, and a check says that it is not known.
    """
    problems: list[str] = []
    try:
        declared = resolved(variables.get("signals") or {})
    except Exception as error:
        return {"sources": [], "problems": [f"signals cannot be resolved: {error}"]}
    if not isinstance(declared, dict):
        return {"sources": [], "problems": ["signals must be a mapping: " + ", ".join(ADAPTERS)]}
    sources = list(_sources(declared, problems))
    for name in declared:
        if name not in ADAPTERS:
            problems.append(f"signals.{name} is no adapter: there are {', '.join(ADAPTERS)}")
    return {"sources": sources, "problems": problems}


def _sources(declared: Mapping[str, Any], problems: list[str]) -> Iterator[dict[str, Any]]:
    for adapter in ADAPTERS:
        told = declared.get(adapter)
        if told is None or told is False:
            continue
        if adapter in _ONE:
            told = [{} if told is True else told]
        elif not isinstance(told, list):
            problems.append(f"signals.{adapter} must be a list, each with {', '.join(_NEEDED[adapter])}")
            continue
        for number, item in enumerate(told):
            where = f"signals.{adapter}" + ("" if adapter in _ONE else f", number {number + 1}")
            if not isinstance(item, dict):
                problems.append(f"{where} must be a mapping")
                continue
            wrong = list(_wrong(adapter, item))
            problems += [f"{where}: {line}" for line in wrong]
            if not wrong:
                check = CHECKS.get(adapter, adapter)
                named = f"{check} {item['name']}" if item.get("name") else check
                yield {"adapter": adapter, "check": named, **_KNOWN[adapter], **item}


def _wrong(adapter: str, item: Mapping[str, Any]) -> Iterator[str]:
    needed, known = _NEEDED[adapter], _KNOWN[adapter]
    for key in needed:
        if not item.get(key):
            yield f"{key} is not set"
    for key in item:
        if key not in needed and key not in known:
            yield f"{key} is nothing that it has; there are {', '.join([*needed, *known])}"
    for key in ("max", "min", "min_requests"):
        if key in known and item.get(key) is not None and not _is_number(item[key]):
            yield f"{key} must be a number"
    if adapter != "cloudflare" and item.get("max") is None and item.get("min") is None:
        yield "max or min is needed: without a threshold there is no verdict"
    if item.get("url"):
        yield from _wrong_url(str(item["url"]), with_secret=bool(item.get("token") or item.get("headers")))
    if "token" in item and not item["token"]:
        yield "token is empty: is its environment variable set?"
    if item.get("value"):
        try:
            jmespath.compile(str(item["value"]))
        except jmespath.exceptions.JMESPathError as error:
            yield f"value is no JMESPath expression: {str(error).splitlines()[0]}"
    if not isinstance(item.get("headers", {}), dict):
        yield "headers must be a mapping"
    if not isinstance(item.get("project", []), list):
        yield "project must be a list of ids"


def _wrong_url(url: str, *, with_secret: bool) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        yield f"url is no address: {url}"
        return
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield f"url must begin with https:// or http://: {url}"
    elif with_secret and parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        yield "url must begin with https://, because a secret goes with it"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
