"""Try the target before anybody sees it.

A Worker's version that is part of the current deployment at 0 % takes no traffic, but answers a
request that names it in ``Cloudflare-Workers-Version-Overrides`` (Cloudflare's page "Gradual
deployments"). A Pages deployment has an address of its own. So the target is asked for its health on
the real platform, with today's secrets, bindings and data, before the first user meets it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from ..concurrent import each
from ..journal import Journal
from ..probe.check import Limits, check
from ..probe.connect import Connector
from ..probe.contract import Contract
from ..release.model import Component
from ..release.plan import Move
from .errors import CloudflareError, SecretChanged, Unanswered
from .overtaken import give_way
from .platform import Platform, Shares

__all__ = ["OVERRIDES", "Rehearsed", "rehearse", "withdraw"]

OVERRIDES = "Cloudflare-Workers-Version-Overrides"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How the target of one component did unseen.

    ``verdict`` is ``pass``, ``fail``, ``refused`` (Cloudflare does not take the target),
    ``overtaken`` (somebody deployed since the plan was made), or ``inconclusive``: it could not be
    tried, or failed while something that it depends on is itself still on the bad release.
    """

    component: str
    verdict: str
    why: str = ""
    secrets: tuple[str, ...] = ()


def rehearse(
    platform: Platform,
    connector: Connector,
    moves: list[Move],
    contracts: Mapping[str, Contract | None],
    limits: Limits,
    *,
    message: str,
    force: bool,
    journal: Journal,
    not_yet: frozenset[str] = frozenset(),
    hidden: Mapping[str, str] | None = None,
) -> list[Rehearsed]:
    """Try all targets at once. The moves that change nothing are not tried.

    ``not_yet`` are databases that move after the rehearsal: who depends on one cannot be well before. ``hidden`` says
    why the public address of a component does not lead to it now; a Pages deployment has another one.
    """
    results: dict[str, Rehearsed] = {}
    moves = [move for move in moves if move.changes]
    workers = [move for move in moves if move.kind == "worker"]
    splits = [move for move in workers if len(move.live) != 1]
    for move in splits:
        results[move.component] = Rehearsed(
            move.component, "inconclusive", "two versions serve it now, and a deployment holds no third"
        )
    staged = [move for move in workers if move not in splits]
    for move, outcome in zip(
        staged, each(lambda m: _stage(platform, m, message, force), staged), strict=True
    ):
        if isinstance(outcome, SecretChanged):
            # With ``force`` it is wrangler that cannot; its rollback can.
            verdict = "inconclusive" if force else "refused"
            why = f"secrets changed since the target: {', '.join(outcome.names)}"
            results[move.component] = Rehearsed(move.component, verdict, why, tuple(outcome.names))
        elif isinstance(outcome, Unanswered):
            results[move.component] = Rehearsed(move.component, "inconclusive", str(outcome))
        elif isinstance(outcome, CloudflareError):
            results[move.component] = Rehearsed(move.component, "refused", str(outcome))
        elif isinstance(outcome, Exception):
            raise outcome
        elif outcome is not None:
            results[move.component] = Rehearsed(move.component, "overtaken", outcome)
    if not any(result.verdict in ("refused", "overtaken") for result in results.values()):
        for move in staged:
            if move.component in (hidden or {}) and move.component not in results:
                results[move.component] = Rehearsed(
                    move.component, "inconclusive", (hidden or {})[move.component]
                )
        for move in moves:
            missing = sorted(_needs(move.component, contracts) & not_yet)
            if missing and move.component not in results:
                why = f"it depends on {', '.join(missing)}, which moves with it"
                results[move.component] = Rehearsed(move.component, "inconclusive", why)
        to_try = [move for move in moves if move.component not in results]
        override = {move.component: f'{move.target}="{move.to_id}"' for move in staged if move in to_try}
        # Putting the versions into place took its time, which is not the targets' fault.
        limits = replace(limits, since=time.monotonic())
        tried = each(
            lambda m: _try(connector, m, contracts.get(m.component), limits, override, journal), to_try
        )
        for move, result in zip(to_try, tried, strict=True):
            if isinstance(result, Exception):
                raise result
            results[move.component] = result
    found = [results[move.component] for move in moves if move.component in results]
    for result in found:
        journal.write("rehearsed", component=result.component, verdict=result.verdict, why=result.why or None)
    return found


def withdraw(platform: Platform, moves: list[Move], message: str) -> dict[str, str]:
    """Take the rehearsed versions out of the deployments again; by component what went wrong with that."""
    staged = [move for move in moves if move.changes and move.kind == "worker" and len(move.live) == 1]

    def back(move: Move) -> str | None:
        live = next(iter(platform.history(_component(move))), None)
        if live and len(live.shares) > 1 and live.serving == (move.live[0][0],):
            return _put(platform, move, ((move.live[0][0], 100.0),), message, force=False)
        return None

    found: dict[str, str] = {}
    for move, outcome in zip(staged, each(back, staged), strict=True):
        if isinstance(outcome, Exception):
            found[move.component] = f"the rehearsed version is still in its deployment, at 0 %: {outcome}"
        elif outcome is not None:
            found[move.component] = outcome
    return found


def _needs(component: str, contracts: Mapping[str, Contract | None]) -> set[str]:
    """All that a component depends on for its health, directly or through others."""
    needed: set[str] = set()
    todo = [component]
    while todo:
        contract = contracts.get(todo.pop())
        new = set(contract.depends_on if contract else ()) - needed
        needed |= new
        todo += new
    return needed


def _stage(platform: Platform, move: Move, message: str, force: bool) -> str | None:
    """Add the target at 0 %; who was faster, in words. Written over a newer deploy it would take that out."""
    serving = next((deployment.serving for deployment in platform.history(_component(move))), ())
    if serving != (move.live[0][0],):
        return f"{' + '.join(serving) or 'nothing'} serves by now: somebody deployed in the meantime"
    return _put(platform, move, ((move.live[0][0], 100.0), (move.to_id, 0.0)), message, force=force)


def _put(platform: Platform, move: Move, shares: Shares, message: str, *, force: bool) -> str | None:
    component, lost = _component(move), None
    try:
        platform.serve(component, shares, message, force=force)
    except Unanswered as error:
        lost = error
    ours = frozenset((move.live[0][0], move.to_id))
    since = datetime.fromisoformat(move.seen)
    overtaken = give_way(platform, component, shares, since=since, ours=ours, message=message)
    if overtaken is None and lost is not None:
        live = next(iter(platform.history(component)), None)
        if live is None or sorted(live.shares) != sorted(shares):
            raise lost
    return overtaken


def _component(move: Move) -> Component:
    return Component(move.component, move.kind, move.target)


def _try(
    connector: Connector,
    move: Move,
    contract: Contract | None,
    limits: Limits,
    override: Mapping[str, str],
    journal: Journal,
) -> Rehearsed:
    if contract is None:
        return Rehearsed(move.component, "inconclusive", "it is declared to have no health check")
    url = None
    if move.kind == "pages":
        if not move.url:
            return Rehearsed(move.component, "inconclusive", "its deployment has no address of its own")
        url = _at(move.url, contract.url)
    # What it asks for its own health is tried with it, or the bad release would answer for the target.
    wanted = [override[name] for name in (move.component, *contract.depends_on) if name in override]
    headers = {} if move.kind == "pages" else {OVERRIDES: ", ".join(wanted)}
    done = check(
        connector,
        move.component,
        contract,
        limits,
        identity=move.identity,
        journal=journal,
        url=url,
        headers=headers,
        unseen=True,
    )
    if done.verdict == "pass":
        return Rehearsed(move.component, "pass")
    why = "; ".join(done.problems)
    if contract.depends_on:
        return Rehearsed(
            move.component, "inconclusive", f"{why} (it depends on {', '.join(contract.depends_on)})"
        )
    return Rehearsed(move.component, "fail", why)


def _at(deployment: str, url: str) -> str:
    place, asked = urlsplit(deployment), urlsplit(url)
    return urlunsplit((place.scheme, place.netloc, asked.path, asked.query, ""))
