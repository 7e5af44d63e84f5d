"""Move a set of components to their targets, all at once, and read back what came of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from graphlib import TopologicalSorter

from ..concurrent import each
from ..journal import Journal
from ..release.model import Component, Deployment
from ..release.plan import Move
from .errors import CloudflareError, Refused, SecretChanged, Unanswered
from .overtaken import names, theirs
from .platform import Platform, Shares

__all__ = ["Moved", "put_back", "switch"]

_BACKOFF = (0.2, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Moved:
    """How one component ended.

    ``state`` is ``moved``, ``already`` (was there before), ``stayed`` (where it was), or ``unknown``
    (Cloudflare did not say). ``where`` is the version that serves, as far as it is known. ``final``
    says that trying again cannot help. ``overrode`` are versions that somebody else put into service
    between the plan and the switch, and that the switch took out again.
    """

    component: str
    state: str
    where: str | None
    seconds: float
    problem: str | None = None
    secrets: tuple[str, ...] = ()
    final: bool = False
    overrode: tuple[str, ...] = ()

    @property
    def at_target(self) -> bool:
        return self.state in ("moved", "already")


def switch(
    platform: Platform,
    moves: list[Move],
    *,
    order: Mapping[str, list[str]],
    message: str,
    force: bool,
    journal: Journal,
) -> list[Moved]:
    """Move every component to its target.

    ``order`` maps a component to those that must be at their targets before it (callees before
    callers, where the inventory says so); all others go at once. A component whose predecessor did
    not arrive is not touched.
    """
    by_name = {move.component: move for move in moves}
    queue = TopologicalSorter(
        {name: [before for before in order.get(name, []) if before in by_name] for name in by_name}
    )
    queue.prepare()
    results: dict[str, Moved] = {}
    while queue.is_active():
        ready = queue.get_ready()
        going = []
        for name in ready:
            missing = [
                before
                for before in order.get(name, [])
                if before in results and not results[before].at_target
            ]
            if missing:
                why = f"not touched, because {missing[0]} did not arrive"
                results[name] = Moved(name, "stayed", None, 0.0, why, final=results[missing[0]].final)
            else:
                going.append(name)
        done = each(lambda name: _switch_one(platform, by_name[name], message, force, journal), going)
        for name, outcome in zip(going, done, strict=True):
            results[name] = _told(name, outcome)
        queue.done(*ready)
    return [results[move.component] for move in moves]


def put_back(
    platform: Platform, moves: list[Move], *, message: str, force: bool, journal: Journal
) -> list[Moved]:
    """Take components from their targets to what served before, a split included, all at once."""
    todo = [(move, _Goal(move.live, frozenset((move.to_id,)), _moment(move))) for move in moves]
    done = each(lambda item: _bring(platform, *item, message, force, journal), todo)
    return [_told(move.component, found) for (move, _), found in zip(todo, done, strict=True)]


@dataclass(frozen=True, slots=True)
class _Goal:
    """What shall serve, what may serve before, and the moment since when a deployment is somebody else's."""

    shares: Shares
    expected: frozenset[str]
    since: datetime


def _told(name: str, found: Moved | Exception) -> Moved:
    if isinstance(found, CloudflareError):
        return Moved(name, "unknown", None, 0.0, str(found))
    if isinstance(found, Exception):
        raise found
    return found


def _moment(move: Move) -> datetime:
    return datetime.fromisoformat(move.seen)


def _switch_one(platform: Platform, move: Move, message: str, force: bool, journal: Journal) -> Moved:
    goal = _Goal(((move.to_id, 100.0),), frozenset(id_ for id_, _ in move.live), _moment(move))
    return _bring(platform, move, goal, message, force, journal)


def _bring(platform: Platform, move: Move, goal: _Goal, message: str, force: bool, journal: Journal) -> Moved:
    began = time.monotonic()
    wanted = " + ".join(id_ for id_, _ in goal.shares)
    journal.write("switch.start", component=move.component, to=wanted)
    moved = _move(platform, Component(move.component, move.kind, move.target), goal, message, force, journal)
    moved = replace(moved, seconds=round(time.monotonic() - began, 4))
    journal.write(
        "switch.end",
        component=move.component,
        state=moved.state,
        where=moved.where,
        seconds=moved.seconds,
        problem=moved.problem,
        overrode=list(moved.overrode) or None,
    )
    return moved


def _move(
    platform: Platform, component: Component, goal: _Goal, message: str, force: bool, journal: Journal
) -> Moved:
    name, wrote = component.name, False
    ids = tuple(id_ for id_, _ in goal.shares)
    history: tuple[Deployment, ...] = ()

    def stayed(why: str, *, final: bool = False, secrets: tuple[str, ...] = ()) -> Moved:
        serving = history[0].serving if history else ()
        # An earlier try of ours may have arrived, and somebody may have deployed over it since.
        gone = tuple(id_ for id_ in _others(history, goal) if id_ not in serving) if wrote else ()
        where = " + ".join(serving) or None
        return Moved(name, "stayed", where, 0.0, why, secrets, final, gone)

    for pause in (*_BACKOFF, None):
        history = platform.history(component)
        serving = history[0].serving if history else ()
        if _is_there(history, goal):
            state = "moved" if wrote else "already"
            return Moved(name, state, " + ".join(ids), 0.0, overrode=_others(history, goal))
        if not set(serving) <= goal.expected | set(ids) or not serving:
            why = "somebody deployed in the meantime: this version is not in the plan; plan again"
            return stayed(why, final=True)
        if pause is None:
            why = "Cloudflare took the change several times, but it is not live"
            return stayed(why)
        try:
            wrote = True
            platform.serve(component, goal.shares, message, force=force)
        except SecretChanged as error:
            why = f"secrets changed since the target: {', '.join(error.names)}"
            return stayed(why, final=True, secrets=tuple(error.names))
        except Unanswered as error:
            journal.write("switch.unanswered", component=name, fault=str(error))
        except Refused as error:
            return stayed(str(error), final=True)
        except CloudflareError as error:
            return stayed(str(error))
        else:
            history = platform.history(component)
            if _is_there(history, goal):
                return Moved(name, "moved", " + ".join(ids), 0.0, overrode=_others(history, goal))
        time.sleep(pause)
    raise AssertionError("the last round returns")


def _is_there(history: tuple[Deployment, ...], goal: _Goal) -> bool:
    shares = tuple(share for share in history[0].shares if share[1] > 0) if history else ()
    return sorted(shares) == sorted(goal.shares)


def _others(history: tuple[Deployment, ...], goal: _Goal) -> tuple[str, ...]:
    """What somebody else put into service since the plan was made."""
    ours = goal.expected | {id_ for id_, _ in goal.shares}
    return names(theirs(history, goal.since, ours), ours)
