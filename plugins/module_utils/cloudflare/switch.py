"""Move a set of components to their targets, all at once, and read back what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from graphlib import TopologicalSorter

from ..concurrent import each
from ..journal import Journal
from ..release.model import Component
from ..release.plan import Move
from .errors import CloudflareError, SecretChanged, Unanswered
from .platform import Platform

__all__ = ["Moved", "switch"]

_BACKOFF = (0.2, 0.5, 1.0, 2.0, 4.0)


@dataclass(frozen=True, slots=True)
class Moved:
    """How one component ended.

    ``state`` is ``moved``, ``already`` (was there before), ``stayed`` (where it was), or ``unknown``
    (Cloudflare did not say). ``where`` is the version that serves, as far as it is known.
    """

    component: str
    state: str
    where: str | None
    seconds: float
    problem: str | None = None
    secrets: tuple[str, ...] = ()

    @property
    def at_target(self) -> bool:
        return self.state in ("moved", "already")


def switch(
    platform: Platform,
    moves: list[Move],
    *,
    order: dict[str, list[str]],
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
                results[name] = Moved(
                    name, "stayed", None, 0.0, f"not touched, because {missing[0]} did not arrive"
                )
            else:
                going.append(name)
        done = each(lambda name: _switch_one(platform, by_name[name], message, force, journal), going)
        for name, outcome in zip(going, done, strict=True):
            if isinstance(outcome, Moved):
                results[name] = outcome
            elif isinstance(outcome, CloudflareError):
                results[name] = Moved(name, "unknown", None, 0.0, str(outcome))
            else:
                raise outcome
        queue.done(*ready)
    return [results[move.component] for move in moves]


def _switch_one(platform: Platform, move: Move, message: str, force: bool, journal: Journal) -> Moved:
    began = time.monotonic()
    component = Component(move.component, move.kind, move.target)
    journal.write("switch.start", component=move.component, to=move.to_id)
    moved = _move(platform, component, move, message, force, journal, began)
    journal.write(
        "switch.end",
        component=move.component,
        state=moved.state,
        where=moved.where,
        seconds=moved.seconds,
        problem=moved.problem,
    )
    return moved


def _move(
    platform: Platform,
    component: Component,
    move: Move,
    message: str,
    force: bool,
    journal: Journal,
    began: float,
) -> Moved:
    def ended(
        state: str, where: str | None, problem: str | None = None, secrets: tuple[str, ...] = ()
    ) -> Moved:
        return Moved(move.component, state, where, round(time.monotonic() - began, 4), problem, secrets)

    wrote = False
    for pause in (*_BACKOFF, None):
        live = platform.live(component)
        serving = live.serving if live else ()
        if serving == (move.to_id,):
            return ended("moved" if wrote else "already", move.to_id)
        expected = tuple(id_ for id_, _ in move.live)
        if set(serving) != set(expected):
            return ended(
                "stayed",
                " + ".join(serving) or None,
                "somebody deployed in the meantime: this version is not in the plan; plan again",
            )
        where = " + ".join(serving) or None
        if pause is None:
            return ended("stayed", where, "Cloudflare took the change several times, but it is not live")
        try:
            wrote = True
            platform.serve(component, ((move.to_id, 100.0),), message, force=force)
        except SecretChanged as error:
            names = ", ".join(error.names)
            return ended("stayed", where, f"secrets changed since the target: {names}", tuple(error.names))
        except Unanswered as error:
            journal.write("switch.unanswered", component=move.component, fault=str(error))
        except CloudflareError as error:
            return ended("stayed", where, str(error))
        else:
            live = platform.live(component)
            if live and live.serving == (move.to_id,):
                return ended("moved", move.to_id)
        time.sleep(pause)
    raise AssertionError("the last round returns")
