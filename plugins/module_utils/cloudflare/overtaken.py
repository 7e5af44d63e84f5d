"""Somebody else's deployments since the plan was made: Cloudflare has no lock that would stop them, and no
compare-and-set, so a write of ours can take out what was deployed a moment before it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ..release.model import Component, Deployment
from .errors import CloudflareError
from .platform import Platform, Shares

__all__ = ["give_way", "names", "theirs"]


def theirs(history: Iterable[Deployment], since: datetime, ours: Iterable[str]) -> list[Deployment]:
    """Of ``history`` what was put into service after ``since`` and serves a version that is not one of ``ours``."""
    known = set(ours)
    return [each for each in history if each.created > since and not set(each.serving) <= known]


def names(deployments: Iterable[Deployment], ours: Iterable[str]) -> tuple[str, ...]:
    """The versions that deployments serve, each once, without ``ours``."""
    known = set(ours)
    return tuple(dict.fromkeys(id_ for each in deployments for id_ in each.serving if id_ not in known))


def give_way(
    platform: Platform,
    component: Component,
    mine: Shares,
    *,
    since: datetime,
    ours: frozenset[str],
    message: str,
) -> str | None:
    """After a write of ``mine`` that changes nothing for users: put back the deploy that it took out, if it did.

    What somebody deployed, in words; ``None`` when nobody did.
    """
    history = platform.history(component)
    found = theirs(history, since, ours)
    if not found:
        return None
    problem = ""
    if history[0].shares == mine and history[1:] and history[1] in found:
        try:
            platform.serve(component, history[1].shares, message, force=True)
        except CloudflareError as error:
            problem = f" ({error})"
        history = platform.history(component)
        found = theirs(history, since, ours)
    now = " + ".join(history[0].serving)
    return f"somebody deployed {', '.join(names(found, ours))} in the meantime; {now} serves now{problem}"
