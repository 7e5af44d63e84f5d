"""Whether Cloudflare would take a version back into service, asked before anything is changed.

It refuses a version that binds to what was deleted, and one from before a Durable Object migration
(Cloudflare's page "Rollbacks"; cloudflare.md, 2.3). Its own refusal would come in the middle of a switch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from ..concurrent import each
from ..release.model import Component
from .client import Client
from .errors import Refused

__all__ = ["Reach"]

_PAGE = 100
_NO_SUCH_BUCKET = 10006
# Refusals that are about who asks and say nothing about a version (cloudflare.md, 2.1).
_WHO_ASKS = (None, 1000, 6003, 9106, 9109, 10000)

_Binding = Mapping[str, Any]

# Bindings to what can be deleted: the field that names it, and what it is (cloudflare.md, 1.3).
_KINDS = {
    "kv_namespace": ("namespace_id", "KV namespace"),
    "d1": ("id", "D1 database"),
    "service": ("service", "Worker"),
    "durable_object_namespace": ("script_name", "Worker"),
    "queue": ("queue_name", "queue"),
    "r2_bucket": ("bucket_name", "R2 bucket"),
}


class Reach:
    """Remembers what it read, so that many candidates cost few calls. Safe to use from several threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._versions: dict[tuple[Component, str], Any] = {}
        self._there: dict[tuple[str, str], set[str] | None] = {}

    def why_unreachable(self, moves: Mapping[Component, tuple[str, str | None]]) -> dict[str, str]:
        """Per component that cannot go back, by name, the reason in words.

        ``moves`` maps a component to the version to go to and the one that is live (``None``: not known).
        What the API token may not read is not held against a version: then Cloudflare decides at the switch.
        Raises :class:`CloudflareError` when Cloudflare does not answer.
        """
        with self._lock:
            self._read_versions(
                (component, id_)
                for component, pair in moves.items()
                for id_ in (pair[:1] if component.kind == "pages" else pair)
                if id_ is not None
            )
            bindings = {
                component: self._bindings(component, target) for component, (target, _) in moves.items()
            }
            self._read_lists([item for items in bindings.values() for item in items])
            why = {
                component.name: self._why(component, target, live, bindings[component])
                for component, (target, live) in moves.items()
            }
        return {name: reason for name, reason in why.items() if reason}

    def _why(
        self, component: Component, target: str, live: str | None, bindings: Iterable[_Binding]
    ) -> str | None:
        found = self._versions[component, target]
        if isinstance(found, Refused):
            return f"Cloudflare does not know {_thing(component)} {target} any more"
        if component.kind == "pages":
            return None
        serving = self._versions.get((component, live)) if live else None
        if isinstance(serving, Mapping) and (then := _tag(found)) != (now := _tag(serving)):
            return (
                f"a Durable Object migration lies between {target} ({then or 'none'}) and what is live"
                f" ({now or 'none'}): no version from before it can serve again"
            )
        gone = [_in_words(item) for item in bindings if not self._is_there(component, item)]
        return f"{target} is bound to what is not there any more: {', '.join(gone)}" if gone else None

    def _bindings(self, component: Component, version_id: str) -> list[_Binding]:
        version = self._versions[component, version_id]
        if component.kind == "pages" or isinstance(version, Refused):
            return []
        return [item for item in version["resources"]["bindings"] if _where(item) is not None]

    def _is_there(self, component: Component, item: _Binding) -> bool:
        where = _where(item)
        if where is None or _resource(item) == component.target:
            return True
        there = self._there[where]
        return there is None or _resource(item) in there

    def _read_versions(self, wanted: Iterable[tuple[Component, str]]) -> None:
        missing = [key for key in dict.fromkeys(wanted) if key not in self._versions]
        for key, answer in zip(missing, each(self._version, missing), strict=True):
            if isinstance(answer, Exception) and getattr(answer, "code", None) in _WHO_ASKS:
                raise answer
            self._versions[key] = answer

    def _version(self, key: tuple[Component, str]) -> Any:
        component, id_ = key
        name = quote(component.target, safe="")
        path = (
            f"pages/projects/{name}/deployments"
            if component.kind == "pages"
            else f"workers/scripts/{name}/versions"
        )
        return self._client.read(f"{path}/{quote(id_, safe='')}")

    def _read_lists(self, items: Iterable[_Binding]) -> None:
        wanted: dict[tuple[str, str], set[Any]] = {}
        for item in items:
            where = _where(item)
            if where is not None and _resource(item) not in (self._there.get(where) or ()):
                wanted.setdefault(where, set()).add(_resource(item))
        missing = list(wanted)
        answers = each(lambda where: self._list(where, wanted[where]), missing)
        for where, answer in zip(missing, answers, strict=True):
            if isinstance(answer, Exception) and not isinstance(answer, Refused):
                raise answer
            self._there[where] = None if isinstance(answer, Exception) else answer

    def _list(self, where: tuple[str, str], wanted: set[Any]) -> set[str]:
        """What is there of a kind; of queues and buckets, of which there may be very many, only that name."""
        kind, name = where
        if kind == "kv_namespace":
            return self._all("storage/kv/namespaces", "id", wanted)
        if kind == "d1":
            return self._all("d1/database", "uuid", wanted)
        if kind == "service":
            return {item["id"] for item in self._client.read("workers/scripts")}
        if kind == "queue":
            return {item["queue_name"] for item in self._client.read("queues", name=name)}
        try:
            self._client.read(f"r2/buckets/{quote(name, safe='')}")
        except Refused as error:
            if error.code == _NO_SUCH_BUCKET:
                return set()
            raise
        return {name}

    def _all(self, path: str, field: str, wanted: set[Any]) -> set[str]:
        """A field of the items of a list with pages, as far as is needed to know whether those wanted are there."""
        found: set[str] = set()
        page = 1
        while not wanted <= found:
            new = {item[field] for item in self._client.read(path, page=page, per_page=_PAGE)} - found
            # A short page is no proof of the end: Cloudflare may give fewer items than it is asked for, and
            # what is missing here would be taken for deleted.
            if not new:
                return found
            found |= new
            page += 1
        return found


def _where(item: _Binding) -> tuple[str, str] | None:
    """The list that says whether the binding's resource is there; ``None`` when no list does."""
    kind = item["type"]
    if kind == "durable_object_namespace":
        return ("service", "") if item.get("script_name") else None
    if kind in ("queue", "r2_bucket"):
        # A bucket of a jurisdiction is not found where the others are.
        return None if item.get("jurisdiction") else (kind, str(_resource(item)))
    return (kind, "") if kind in ("kv_namespace", "d1", "service") else None


def _resource(item: _Binding) -> Any:
    field, _ = _KINDS[item["type"]]
    return item.get(field) or item.get("database_id")


def _in_words(item: _Binding) -> str:
    return f"{_KINDS[item['type']][1]} {_resource(item)} (binding {item['name']})"


def _tag(version: Mapping[str, Any]) -> str | None:
    tag: str | None = version["resources"].get("script_runtime", {}).get("migration_tag")
    return tag


def _thing(component: Component) -> str:
    return "deployment" if component.kind == "pages" else "version"
