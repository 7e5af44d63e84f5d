"""What the deployment history of one component says about its versions."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from .model import State, Version

__all__ = [
    "as_it_worked",
    "last_served",
    "rolled_back_from",
    "why_unfit",
    "with_code_before",
    "with_secret_changes",
]


# Every release asks it of every component.
@lru_cache(maxsize=1024)
def rolled_back_from(state: State) -> frozenset[str]:
    """Ids of the versions whose code was last left for an older one.

    Code that was left that way was bad in somebody's eyes and is no target, unless it was put into
    service again and left for a newer one afterwards. A secret that was taken back leaves no code.
    """

    # A version that Cloudflare does not list any more is older than all that it lists.
    oldest = len(state.versions)
    left_backwards: dict[str, bool] = {}
    for before, now in pairwise(reversed(state.soles)):
        code = state.codes.get(before, before)
        if code != state.codes.get(now, now):
            left_backwards[code] = state.places.get(now, oldest) > state.places.get(before, oldest)
    left = {id_ for id_, backwards in left_backwards.items() if backwards}
    if state.soles:
        left.discard(state.codes.get(state.soles[0], state.soles[0]))
    return frozenset(id_ for id_, its in state.codes.items() if its in left)


def why_unfit(state: State, version: Version) -> str | None:
    """Why ``version`` cannot be a target, in words for the plan; ``None`` when it can."""
    if version.unfit is not None:
        return version.unfit
    shares = [
        percent for deployment in state.deployments for id_, percent in deployment.shares if id_ == version.id
    ]
    if any(percent == 100 for percent in shares):
        return None
    if any(percent > 0 for percent in shares):
        return "only served a part of the traffic (split)"
    if shares:
        return "was rehearsed, never served"
    if not state.history_complete and _may_have_served(state, version):
        return None
    return "was never deployed"


def last_served(state: State, versions: list[Version]) -> Version | None:
    """The one of ``versions`` (newest first) that served last, if any of them can be a target.

    A release that had a secret changed while it served has several versions of the same code.
    """
    return _seen_last(state, versions) or next(
        (version for version in versions if why_unfit(state, version) is None), None
    )


def as_it_worked(state: State, version: Version) -> Version:
    """A version that is known to have served, with the secrets with which its code served last."""
    chain = with_secret_changes(state, version)
    return _seen_last(state, chain) or chain[0]


def with_secret_changes(state: State, version: Version) -> list[Version]:
    """A version and those that later secret changes made of its code, newest first."""
    place = state.places[version.id]
    first = place
    while first > 0 and state.versions[first - 1].secret_only:
        first -= 1
    return list(state.versions[first : place + 1])


def with_code_before(state: State, version: Version) -> list[Version]:
    """A version and those that secret changes made it of, newest first."""
    last = place = state.places[version.id]
    while state.versions[last].secret_only and last + 1 < len(state.versions):
        last += 1
    return list(state.versions[place : last + 1])


def _seen_last(state: State, versions: list[Version]) -> Version | None:
    among = {version.id: version for version in versions}
    return next((among[sole] for sole in state.soles if sole in among), None)


def _may_have_served(state: State, version: Version) -> bool:
    oldest_known = state.deployments[-1].created if state.deployments else None
    return oldest_known is None or state.component.kind == "pages" or version.created <= oldest_known
