"""Which release serves now."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Release, State

__all__ = ["Index", "index_of", "live_release"]

# The release that a version of a component belongs to.
Index = Mapping[tuple[str, str], Release]


def index_of(releases: list[Release]) -> Index:
    """Every version's release; a version that several releases carry belongs to the one that made it."""
    return {
        (name, version.id): release
        for release in releases
        for name, members in release.members.items()
        for version in members
    }


def live_release(states: Mapping[str, State], releases: list[Release]) -> tuple[Release | None, list[str]]:
    """The release that most components serve, and the components that do not fit it."""
    serving = {name: set(state.live.serving) if state.live else set() for name, state in states.items()}
    best: Release | None = None
    fits: set[str] = set()
    for release in releases:
        fitting = {name for name, ids in serving.items() if ids and _fits(release, name, ids)}
        if len(fitting) > len(fits):
            best, fits = release, fitting
    if best is None:
        return None, list(states)
    carried = {
        name
        for name, state in states.items()
        if best.recorded is None and state.component.follows == "when_changed" and name not in best.members
    }
    return best, [name for name in states if name not in fits | carried]


def _fits(release: Release, name: str, ids: set[str]) -> bool:
    if release.recorded is not None and ids == {release.recorded.versions.get(name)}:
        return True
    members = release.members.get(name, [])
    return bool(members) and ids <= {version.id for version in members}
