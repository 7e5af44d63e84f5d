"""What is around a version and not part of it: read, compared, and put back where that is safe.

A version contains its code, its secrets and where its bindings point; routes, custom domains, crons and
the Durable Object migration belong to the Worker, so a rollback leaves them as they are (cloudflare.md,
2.2). Values of secrets and of variables are never read from here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import quote

from ..concurrent import each
from ..release.model import Component
from .bindings import of_project, of_version
from .client import Client
from .errors import Refused
from .settle import settle

__all__ = [
    "GOES_BACK",
    "Difference",
    "Settings",
    "compare",
    "fingerprint",
    "in_words",
    "put_back",
    "read_all",
    "read_settings",
    "routes_of",
]

_FORBIDDEN = 10000


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one component; every tuple is sorted.

    ``routes`` are ``PATTERN (ZONE)``, ``bindings`` are ``TYPE NAME -> RESOURCE`` (``TYPE NAME`` where there
    is no resource), ``secrets`` are names only, ``migration`` is the tag of the Durable Object migration.
    """

    routes: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    crons: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    migration: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As JSON can say it; :meth:`of_dict` reads it back."""
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()
        }

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Settings:
        """What :meth:`as_dict` told, also by a newer or older version of this project."""
        known = {field.name for field in fields(cls)}
        kept: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in told.items()
            if name in known
        }
        return cls(**kept)


@dataclass(frozen=True, slots=True)
class Difference:
    """``then`` and ``now`` are what only the one side has."""

    component: str
    what: str
    then: tuple[str, ...]
    now: tuple[str, ...]
    handled: str


GOES_BACK = "goes back with the version"
# What is compared: how it is told, where it is, and what a rollback does with it.
_COMPARED = (
    ("route", "routes", "by option"),
    ("domain", "domains", "stays"),
    ("cron", "crons", "by option"),
    ("secret", "secrets", GOES_BACK),
    ("binding", "bindings", GOES_BACK),
    ("migration", "migration", "stays"),
)


def read_settings(client: Client, component: Component, version_id: str) -> Settings:
    """What is around a component now, with the bindings and secret names of that version.

    Of a Pages project the version does not matter: it is its configuration for production. Raises
    :class:`CloudflareError`.
    """
    return read_all(client, {component: version_id})[component.name]


def read_all(client: Client, versions: Mapping[Component, str]) -> dict[str, Settings]:
    """The settings of many components by name, all reads at once: three of a Worker, one of a Pages project,
    and one of the account. Raises the first :class:`CloudflareError`.
    """
    paths = [path for component, version in versions.items() for path in _paths(component, version)]
    if any(component.kind == "worker" for component in versions):
        paths.append("workers/domains")
    answers = {}
    for path, answer in zip(paths, each(client.read, paths), strict=True):
        if isinstance(answer, Refused) and answer.code == _FORBIDDEN and "/routes" in path:
            raise Refused(
                f"{answer}; give the API token the permission Workers Routes for all zones",
                code=answer.code,
                ray=answer.ray,
            ) from None
        if isinstance(answer, Exception):
            raise answer
        answers[path] = answer
    found = {}
    for component, version in versions.items():
        own = [answers[path] for path in _paths(component, version)]
        found[component.name] = (
            _pages(*own)
            if component.kind == "pages"
            else _worker(component, answers["workers/domains"], *own)
        )
    return found


def routes_of(client: Client, worker: str) -> tuple[str, ...]:
    """The routes of a Worker, as :class:`Settings` has them. Raises :class:`CloudflareError`."""
    return _routes(client.read(_routes_path(Component(worker, "worker", worker))))


def fingerprint(settings: Mapping[str, Settings]) -> str:
    """Twelve hex digits that are the same as long as the settings are."""
    told = json.dumps({name: each_.as_dict() for name, each_ in settings.items()}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def compare(component: str, then: Settings, now: Settings) -> list[Difference]:
    """What is not as it was then, in the order routes, domains, crons, secrets, bindings, migration."""
    found = []
    for what, field, handled in _COMPARED:
        was, is_ = (_items(getattr(side, field)) for side in (then, now))
        if was != is_:
            found.append(
                Difference(component, what, tuple(sorted(was - is_)), tuple(sorted(is_ - was)), handled)
            )
    return found


def in_words(difference: Difference) -> str:
    """One line for the plan: ``content-worker: cron 0 * * * * is gone; stays so unless put back``."""
    what = {"migration": "Durable Object migration"}.get(difference.what, difference.what)
    sides = [
        f"{what} {item} {said}"
        for items, said in ((difference.then, "is gone"), (difference.now, "is new"))
        for item in items
    ]
    end = {
        "by option": "a rollback leaves it so, unless asked to put it back",
        "stays": "a rollback leaves it so",
        GOES_BACK: GOES_BACK,
    }[difference.handled]
    return f"{difference.component}: {', '.join(sides)}; {end}"


def put_back(client: Client, component: Component, then: Settings, what: Collection[str]) -> list[str]:
    """Make the ``cron`` and ``route`` of a Worker what they were; which of the two had to be changed.

    Running it again changes nothing. A route that belongs to another Worker now is refused by Cloudflare and
    not taken from it. Raises :class:`CloudflareError`, and ``ValueError`` for anything else in ``what``.
    """
    writers = {"cron": _put_crons, "route": _put_routes}
    if unknown := set(what) - set(writers):
        raise ValueError(f"{', '.join(sorted(unknown))} cannot be put back: only cron and route can")
    if component.kind != "worker":
        return []
    return [name for name, put in writers.items() if name in what and put(client, component, then)]


def _put_crons(client: Client, component: Component, then: Settings) -> bool:
    path = f"{_script(component)}/schedules"
    return settle(
        lambda: _crons(client.read(path)) == then.crons,
        lambda: client.call("PUT", path, [{"cron": cron} for cron in then.crons]),
        f"the crons of {component.name}",
    )


def _put_routes(client: Client, component: Component, then: Settings) -> bool:
    def body() -> Iterator[dict[str, str]]:
        for route in then.routes:
            pattern, _, zone = route.removesuffix(")").partition(" (")
            yield {"pattern": pattern, "zone_name": zone} if zone else {"pattern": pattern}

    return settle(
        lambda: _routes(client.read(_routes_path(component))) == then.routes,
        # This replaces all routes of the Worker, as it does for wrangler deploy.
        lambda: client.call("PUT", f"{_script(component)}/routes", list(body())),
        f"the routes of {component.name}",
    )


def _paths(component: Component, version_id: str) -> tuple[str, ...]:
    if component.kind == "pages":
        return (f"pages/projects/{quote(component.target, safe='')}",)
    script = _script(component)
    return f"{script}/versions/{version_id}", _routes_path(component), f"{script}/schedules"


def _worker(component: Component, domains: Any, version: Any, routes: Any, schedules: Any) -> Settings:
    secrets, bindings = of_version(version)
    return Settings(
        routes=_routes(routes),
        domains=_sorted(item["hostname"] for item in domains if item["service"] == component.target),
        crons=_crons(schedules),
        secrets=secrets,
        bindings=bindings,
        migration=version["resources"].get("script_runtime", {}).get("migration_tag"),
    )


def _pages(project: Any) -> Settings:
    secrets, bindings = of_project(project)
    return Settings(domains=_sorted(project["domains"]), secrets=secrets, bindings=bindings)


def _routes(answer: Any) -> tuple[str, ...]:
    return _sorted(
        f"{item['pattern']} ({item['zone_name']})" if item.get("zone_name") else item["pattern"]
        for item in answer
    )


def _crons(answer: Any) -> tuple[str, ...]:
    return _sorted(item["cron"] for item in answer["schedules"])


def _items(value: tuple[str, ...] | str | None) -> set[str]:
    return set(value) if isinstance(value, tuple) else {value} if value else set()


def _sorted(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(items))


def _script(component: Component) -> str:
    return f"workers/scripts/{quote(component.target, safe='')}"


def _routes_path(component: Component) -> str:
    # The only list of one Worker's routes that names their zones; wrangler reads it too (cloudflare.md, 1.2).
    script = quote(component.target, safe="")
    return f"workers/services/{script}/environments/production/routes?show_zonename=true"
