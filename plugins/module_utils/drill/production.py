"""What the inventories say of production: whatever identifies an environment that is marked so, or not marked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from .guard import Production, address_of

__all__ = ["Unreadable", "production_of"]

_EVERYBODYS = "api.cloudflare.com"
_TARGETS = ("worker_name", "pages_project", "d1_database")


class Unreadable(Exception):
    """An inventory cannot be read, so it is not known what is production."""


def production_of(folder: Path, drilled: Path) -> Production:
    """From all inventories in ``folder`` but the one that is drilled. Templates are not resolved: they name nothing.

    Raises :class:`Unreadable`.
    """
    found: dict[str, set[str]] = {
        name: set() for name in ("environments", "accounts", "targets", "hosts", "databases")
    }
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not place.is_dir() or place.resolve() == drilled.resolve():
            continue
        everything = _read(place / "group_vars" / "all.yml")
        if everything.get("environment_class") in ("staging", "local"):
            continue
        found["environments"] |= {place.name, *_literal(everything.get("environment_name"))}
        found["accounts"] |= set(_literal(everything.get("cloudflare_account_id")))
        # Everybody's API is no mark of production; the account is.
        found["hosts"] |= {_host(url) for url in _literal(everything.get("cloudflare_api_url"))} - {
            _EVERYBODYS
        }
        for host in _hosts(_read(place / "hosts.yml")):
            found["targets"] |= {name for key in _TARGETS for name in _literal(host.get(key))}
            identity = host.get("postgres_identity")
            if isinstance(identity, Mapping):
                found["databases"] |= set(_literal(identity.get("system_identifier")))
                found["hosts"] |= set(_literal(identity.get("host")))
            health = host.get("health")
            if isinstance(health, Mapping) and not everything.get("edge_connect_to"):
                found["hosts"] |= {_host(url) for url in _literal(health.get("url"))}
    return Production(**{name: frozenset(values - {""}) for name, values in found.items()})


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = yaml.safe_load(file.read_text()) if file.exists() else {}
    except (OSError, yaml.YAMLError) as error:
        raise Unreadable(f"{file} cannot be read, so it is not known what is production: {error}") from None
    return content if isinstance(content, Mapping) else {}


def _hosts(content: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The variables of every host, however deep its group lies."""
    for group in content.values():
        if isinstance(group, Mapping):
            hosts = group.get("hosts")
            if isinstance(hosts, Mapping):
                yield from (host for host in hosts.values() if isinstance(host, Mapping))
            children = group.get("children")
            if isinstance(children, Mapping):
                yield from _hosts(children)


def _host(url: str) -> str:
    return address_of(url).rpartition(":")[0]


def _literal(value: Any) -> Iterable[str]:
    return [str(value)] if isinstance(value, str | int) and value and "{{" not in str(value) else []
