"""Which routes have to change so that the maintenance Worker answers for names, and what puts them back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Route", "Step", "as_before", "host_of", "takeover", "unknown"]


@dataclass(frozen=True, slots=True)
class Route:
    """``zone`` is an id. Without an ``id`` there is no such route; without a ``script`` it switches Workers off."""

    zone: str
    pattern: str
    script: str | None
    id: str = ""

    def as_dict(self) -> dict[str, str | bool | None]:
        return {"zone": self.zone, "pattern": self.pattern, "script": self.script, "there": bool(self.id)}


@dataclass(frozen=True, slots=True)
class Step:
    """``route`` as it is, and the ``script`` that it shall have; without ``keep`` it shall not be there."""

    route: Route
    script: str | None
    keep: bool = True

    def in_words(self) -> str:
        is_ = self.route.script or "no Worker" if self.route.id else "no route"
        shall = self.script or "no Worker" if self.keep else "no route"
        return f"{self.route.pattern}: {is_} -> {shall}"


def host_of(pattern: str) -> str:
    """``api.example.com`` of ``https://api.example.com/v1/*``."""
    return pattern.partition("://")[2].partition("/")[0] or pattern.partition("/")[0]


def takeover(routes: Iterable[Route], hosts: Mapping[str, str], worker: str) -> list[Step]:
    """What makes ``worker`` answer everything on ``hosts`` (name to zone id); nothing if it does.

    Every route of a name is taken over, because the most specific one answers, and ``name/*`` is added where there is
    none: without a path it answers what no other does.
    """
    steps = []
    covered = set()
    for route in routes:
        name = host_of(route.pattern)
        if hosts.get(name) != route.zone:
            continue
        if route.pattern.partition("://")[2] == "" and route.pattern == f"{name}/*":
            covered.add(name)
        if route.script != worker:
            steps.append(Step(route, worker))
    new = [
        Step(Route(zone, f"{name}/*", None), worker) for name, zone in hosts.items() if name not in covered
    ]
    return [*steps, *new]


def as_before(routes: Iterable[Route], before: Sequence[Mapping[str, object]], worker: str) -> list[Step]:
    """What gives the routes of ``worker`` back to whom they were; ``before`` as :meth:`Route.as_dict` told it."""
    was = {(told["zone"], told["pattern"]): told for told in before}
    steps = []
    for route in routes:
        told = was.get((route.zone, route.pattern))
        if route.script == worker and told is not None:
            script = told["script"]
            steps.append(Step(route, script if isinstance(script, str) else None, keep=bool(told["there"])))
    return steps


def unknown(routes: Iterable[Route], before: Sequence[Mapping[str, object]], worker: str) -> list[Route]:
    """The routes of ``worker`` of which nobody knows whose they were."""
    was = {(told["zone"], told["pattern"]) for told in before}
    return [route for route in routes if route.script == worker and (route.zone, route.pattern) not in was]
