"""Whether an environment may be drilled: never production, not even by accident. Pure; nothing is asked here.

Two lists decide. What a drill may touch is on the allow list of its own inventory, address by address. What is
marked production, in whichever inventory, it may not touch, and its credential may not even see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

__all__ = ["CLASSES", "Drilled", "Production", "Seen", "address_of", "problems_before", "problems_seen"]

CLASSES = ("production", "staging", "local")
_PORTS = {"https": 443, "http": 80, "wss": 443, "ws": 80, "postgres": 5432, "postgresql": 5432}


@dataclass(frozen=True, slots=True)
class Production:
    """What is marked production in any inventory: its names, and whatever identifies it."""

    environments: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()
    databases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Drilled:
    """The environment as its inventory declares it.

    ``addresses`` are all that a drill connects to, as pairs of what it is and ``host:port``; ``targets`` the names of
    Workers, Pages projects and D1 databases; ``databases`` the system identifier per PostgreSQL database;
    ``allow`` is ``drills.identities``: ``accounts``, ``zones``, ``databases``, ``addresses``.
    """

    name: str
    file: str
    kind: str
    allowed: Any
    account: str
    addresses: tuple[tuple[str, str], ...]
    targets: tuple[str, ...]
    databases: Mapping[str, str]
    allow: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the credential can see at Cloudflare: ids of accounts, ids and names of zones, names of what runs there."""

    accounts: tuple[str, ...]
    zones: tuple[tuple[str, str], ...]
    targets: tuple[str, ...]


def address_of(url: str) -> str:
    """``host:port`` of an address in lower case, empty when it has no host; a bare ``host:port`` stays as it is."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if not host:
        return ""
    return f"{host}:{port}" if port else host


def problems_before(drilled: Drilled, production: Production) -> list[str]:
    """What forbids a drill, before anything is connected to. Empty when nothing does."""
    if drilled.kind not in CLASSES:
        return [
            f"{drilled.file}: environment_class is not set to one of {', '.join(CLASSES)}; "
            "an environment that does not say what it is counts as production"
        ]
    if drilled.kind == "production":
        return [f"{drilled.file}: environment_class is production, and production is never drilled"]
    if drilled.allowed is not True:
        return [f"{drilled.file}: drills.allowed is not true, so {drilled.name} is not drilled"]
    return [*_not_listed(drilled), *_is_production(drilled, production)]


def problems_seen(drilled: Drilled, production: Production, seen: Seen) -> list[str]:
    """What forbids a drill, given what the credential can see. Empty when nothing does."""
    problems = []
    for account in seen.accounts:
        if account not in _listed(drilled, "accounts"):
            problems.append(
                f"the credential can see the account {account}, which is not in drills.identities.accounts of "
                f"{drilled.file}; a drill needs a token of its own"
            )
    for id_, name in seen.zones:
        if id_ not in _listed(drilled, "zones"):
            problems.append(
                f"the credential can see the zone {name} ({id_}), which is not in drills.identities.zones of "
                f"{drilled.file}; a drill needs a token of its own"
            )
    problems += [
        f"the credential can see {name}, which belongs to production; a drill needs an account of its own"
        for name in sorted(set(seen.targets) & production.targets)
    ]
    return problems + [
        f"the credential can see the account {account}, which is production's"
        for account in sorted(set(seen.accounts) & production.accounts)
    ]


def _not_listed(drilled: Drilled) -> list[str]:
    problems = []
    if str(drilled.account) not in _listed(drilled, "accounts"):
        problems.append(
            f"{drilled.file}: the account {drilled.account or '(empty)'} is not in drills.identities.accounts"
        )
    addresses = {address_of(each) for each in _listed(drilled, "addresses")} - {""}
    for what, address in drilled.addresses:
        if not address or address_of(address) not in addresses:
            problems.append(
                f"{drilled.file}: {address or 'an address that cannot be read'} ({what}) is not in "
                "drills.identities.addresses"
            )
        elif drilled.kind == "local" and not _is_loopback(address):
            problems.append(
                f"{drilled.file}: {address} ({what}) is not on this machine, but environment_class is local"
            )
    problems += [
        f"{drilled.file}: the system identifier of {name}, {identifier or '(empty)'}, is not in "
        "drills.identities.databases"
        for name, identifier in drilled.databases.items()
        if str(identifier) not in _listed(drilled, "databases")
    ]
    return problems


def _is_production(drilled: Drilled, production: Production) -> list[str]:
    own = {
        "environment_name": ({str(drilled.name)}, production.environments),
        "cloudflare_account_id": ({str(drilled.account)}, production.accounts),
        "the name of a component": (set(map(str, drilled.targets)), production.targets),
        "postgres_identity.system_identifier": (
            set(map(str, drilled.databases.values())),
            production.databases,
        ),
        "an address": ({_host(address) for _, address in drilled.addresses}, production.hosts),
    }
    return [
        f"{drilled.file}: {what} is {found}, which is production's"
        for what, (mine, theirs) in own.items()
        for found in sorted(mine & theirs)
    ]


def _listed(drilled: Drilled, kind: str) -> list[str]:
    found = drilled.allow.get(kind) if isinstance(drilled.allow, Mapping) else None
    return (
        [str(each) for each in found if each]
        if isinstance(found, Iterable) and not isinstance(found, str)
        else []
    )


def _host(address: str) -> str:
    return address_of(address).rpartition(":")[0] or address_of(address)


def _is_loopback(address: str) -> bool:
    host = _host(address)
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
