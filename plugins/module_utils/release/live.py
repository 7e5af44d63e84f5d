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
    serving = {name: set(state.live.serving) for name, state in states.items() if state.live}
    soles = {name: next(iter(ids)) for name, ids in serving.items() if len(ids) == 1}
    best: Release | None = None
    fits: set[str] = set()
    for release in releases:
        fitting = {
            name
            for name, members in release.members.items()
            if serving.get(name) and serving[name] <= {version.id for version in members}
        }
        if release.recorded is not None:
            fitting |= {name for name, _ in release.recorded.versions.items() & soles.items()}
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
