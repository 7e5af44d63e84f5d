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
from urllib.parse import urlsplit, urlunsplit

from ..concurrent import each
from ..journal import Journal
from ..probe.check import Limits, check
from ..probe.connect import Connector
from ..probe.contract import Contract
from ..release.model import Component
from ..release.plan import Move
from .errors import CloudflareError, SecretChanged, Unanswered
from .platform import Platform

__all__ = ["OVERRIDES", "Rehearsed", "rehearse", "withdraw"]

OVERRIDES = "Cloudflare-Workers-Version-Overrides"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How the target of one component did unseen.

    ``verdict`` is ``pass``, ``fail``, ``refused`` (Cloudflare does not take the target), or
    ``inconclusive``: it could not be tried, or failed while something that it depends on is itself
    still on the bad release.
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
) -> list[Rehearsed]:
    """Try all targets at once. The moves that change nothing are not tried.

    ``not_yet`` are databases that move after the rehearsal: who depends on one cannot be well before.
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
    if not any(result.verdict == "refused" for result in results.values()):
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


def withdraw(platform: Platform, moves: list[Move], message: str) -> list[str]:
    """Take the rehearsed versions out of the deployments again; the components where that failed."""
    staged = [move for move in moves if move.changes and move.kind == "worker" and len(move.live) == 1]

    def back(move: Move) -> None:
        component = Component(move.component, move.kind, move.target)
        live = next(iter(platform.history(component)), None)
        if live and len(live.shares) > 1 and live.serving == (move.live[0][0],):
            platform.serve(component, ((move.live[0][0], 100.0),), message, force=False)

    return [
        move.component
        for move, outcome in zip(staged, each(back, staged), strict=True)
        if outcome is not None
    ]


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


def _stage(platform: Platform, move: Move, message: str, force: bool) -> None:
    component = Component(move.component, move.kind, move.target)
    shares = ((move.live[0][0], 100.0), (move.to_id, 0.0))
    try:
        platform.serve(component, shares, message, force=force)
    except Unanswered:
        live = next(iter(platform.history(component)), None)
        if live is None or (move.to_id, 0.0) not in live.shares:
            raise


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
