"""Which release to go back to, and why not to another.

The rule, where nobody names a target: the newest release that is complete and coherent, older
than the newest release that was put into service, and that nobody went back from. It looks at
what was released, not at what is live now; so a second run, or a run after one that was killed
half-way, finds the same target again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .history import last_served, rolled_back_from, why_unfit
from .model import Release, State, Version

__all__ = ["Candidate", "Choice", "Refusal", "choose", "live_release"]


@dataclass(slots=True)
class Candidate:
    """A release as a target: the version per component, and what speaks against it.

    ``broken`` says why it is no whole set; ``left`` names the components that were rolled back
    from it, which only a person may overrule by naming the release.
    """

    release: Release
    versions: dict[str, Version]
    broken: str | None = None
    left: tuple[str, ...] = ()

    @property
    def objection(self) -> str | None:
        left = f"it was rolled back from ({', '.join(self.left)})" if self.left else None
        return "; ".join(part for part in (self.broken, left) if part) or None


@dataclass(slots=True)
class Choice:
    """The target, and the releases between it and the newest with the reason why they were passed over."""

    candidate: Candidate
    newest: Release | None
    skipped: list[Candidate] = field(default_factory=list)
    reason: str = ""


class Refusal(Exception):
    """No target can be chosen. ``candidates`` are all releases, newest first, for the table."""

    def __init__(self, message: str, candidates: list[Candidate]) -> None:
        super().__init__(message)
        self.candidates = candidates


def choose(
    states: Mapping[str, State],
    releases: list[Release],
    *,
    release: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> Choice:
    """Choose the target.

    ``releases`` are newest first, as :func:`group` gives them. ``release`` names one (name, tag,
    commit or message); ``versions`` maps components to version ids, and the components that it
    does not name stay as they are. Raises :class:`Refusal`.
    """
    candidates = [_candidate(item, states, releases) for item in releases]
    if versions:
        return _explicit_versions(states, versions, candidates)
    if release is not None:
        return _named(release, candidates)
    newest = next((item for item in candidates if _was_served(item.release, states)), None)
    if newest is None:
        raise Refusal("no release was ever put into service, so there is nothing to go back to", candidates)
    skipped: list[Candidate] = []
    for candidate in candidates[candidates.index(newest) + 1 :]:
        if candidate.objection is None:
            reason = f"the newest complete release before {newest.release.name}"
            return Choice(candidate, newest.release, skipped, reason)
        if candidate.release.ambiguous:
            # Going further back without asking would be a guess.
            raise Refusal(
                f"release {candidate.release.name} is not one coherent set: {candidate.broken}", candidates
            )
        skipped.append(candidate)
    raise Refusal(f"no release before {newest.release.name} can be a target", candidates)


def live_release(states: Mapping[str, State], releases: list[Release]) -> tuple[Release | None, list[str]]:
    """The release that most components serve, and the components that do not fit it."""
    serving = {name: set(state.live.serving) if state.live else set() for name, state in states.items()}

    def fitting(release: Release) -> list[str]:
        return [
            name
            for name, ids in serving.items()
            if ids and ids <= {version.id for version in release.members.get(name, [])}
        ]

    best = max(releases, key=lambda item: len(fitting(item)), default=None)
    if best is None or not fitting(best):
        return None, list(states)
    carried = {
        name
        for name, state in states.items()
        if state.component.follows == "when_changed" and name not in best.members
    }
    fits = set(fitting(best)) | carried
    return best, [name for name in states if name not in fits]


def _candidate(release: Release, states: Mapping[str, State], releases: list[Release]) -> Candidate:
    candidate = Candidate(release, {})
    if release.ambiguous is not None:
        candidate.broken = release.ambiguous
        return candidate
    missing: list[str] = []
    unfit: list[str] = []
    left: list[str] = []
    for name, state in states.items():
        members = release.members.get(name, [])
        if not members:
            carried = (
                _in_service_at(state, release, releases)
                if state.component.follows == "when_changed"
                else None
            )
            if carried is None:
                missing.append(name)
            else:
                candidate.versions[name] = carried
            continue
        version = last_served(state, members)
        if version is None:
            unfit.append(f"{name} {why_unfit(state, members[0])}")
            continue
        candidate.versions[name] = version
        if rolled_back_from(state) & {member.id for member in members}:
            left.append(name)
    objections = [f"{', '.join(missing)} has no version of it"] if missing else []
    candidate.broken = "; ".join(objections + unfit) or None
    candidate.left = tuple(left)
    return candidate


def _in_service_at(state: State, release: Release, releases: list[Release]) -> Version | None:
    left = rolled_back_from(state)
    return next(
        (
            version
            for version in state.versions
            if version.created <= release.finished
            and version.id not in left
            and why_unfit(state, version) is None
        ),
        None,
    )


def _was_served(release: Release, states: Mapping[str, State]) -> bool:
    return any(
        name in states and why_unfit(states[name], version) is None
        for name, members in release.members.items()
        for version in members
    )


def _named(wanted: str, candidates: list[Candidate]) -> Choice:
    found = [candidate for candidate in candidates if _answers_to(candidate.release, wanted)]
    if not found:
        raise Refusal(f"there is no release {wanted!r}", candidates)
    if len(found) > 1:
        names = ", ".join(candidate.release.name for candidate in found)
        raise Refusal(f"{wanted!r} means more than one release: {names}", candidates)
    candidate = found[0]
    if candidate.broken:
        raise Refusal(f"release {candidate.release.name} cannot be a target: {candidate.broken}", candidates)
    return Choice(candidate, None, [], f"asked for: release={wanted}")


def _answers_to(release: Release, wanted: str) -> bool:
    if release.name == wanted:
        return True
    for versions in release.members.values():
        for version in versions:
            if wanted in (version.tag, version.message):
                return True
            if version.commit and len(wanted) >= 7 and version.commit.startswith(wanted):
                return True
    return False


def _explicit_versions(
    states: Mapping[str, State], versions: Mapping[str, str], candidates: list[Candidate]
) -> Choice:
    unknown = [name for name in versions if name not in states]
    if unknown:
        raise Refusal(f"versions names {', '.join(unknown)}, which is no component of this run", candidates)
    chosen: dict[str, Version] = {}
    for name, version_id in versions.items():
        version = states[name].version(version_id)
        if version is None:
            raise Refusal(f"{name} has no version {version_id} that can be deployed", candidates)
        if version.unfit is not None:
            raise Refusal(
                f"version {version_id} of {name} cannot be a target: it is {version.unfit}", candidates
            )
        chosen[name] = version
    release = Release(
        name="the versions given", members={name: [version] for name, version in chosen.items()}
    )
    return Choice(Candidate(release, chosen), None, [], "asked for: versions=…")
