"""What the deployment history of one component says about its versions."""

from __future__ import annotations

from .model import State, Version

__all__ = ["last_served", "rolled_back_from", "why_unfit", "with_secret_changes"]


def rolled_back_from(state: State) -> set[str]:
    """Ids of the versions that were last left for an older one.

    A version that was left that way was bad in somebody's eyes and is no target, unless it was
    put into service again and left for a newer one afterwards.
    """
    made = {version.id: version.created for version in state.versions}
    left_backwards: dict[str, bool] = {}
    before: str | None = None
    for deployment in reversed(state.deployments):
        now = deployment.sole
        if now is None:
            continue
        if before is not None and now != before and now in made and before in made:
            left_backwards[before] = made[now] < made[before]
        before = now
    return {version for version, backwards in left_backwards.items() if backwards and version != before}


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
    """The newest of ``versions`` (newest first) that can be a target.

    A release that had a secret changed while it served has two versions of the same code; the
    newer one is how it was last known to work.
    """
    return next((version for version in versions if why_unfit(state, version) is None), None)


def with_secret_changes(state: State, version: Version) -> list[Version]:
    """A version and those that later secret changes made of its code, newest first."""
    chain = [version]
    for newer in reversed(state.versions[: state.versions.index(version)]):
        if not newer.secret_only:
            break
        chain.insert(0, newer)
    return chain


def _may_have_served(state: State, version: Version) -> bool:
    oldest_known = state.deployments[-1].created if state.deployments else None
    return oldest_known is None or state.component.kind == "pages" or version.created <= oldest_known
