"""A release as a target: which version of each component it means, and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .history import last_served, rolled_back_from, why_unfit, with_secret_changes
from .model import Release, State, Version

if TYPE_CHECKING:
    from ..ledger.view import View

__all__ = ["Candidate", "Rules", "candidate_of", "why_not_proved"]


@dataclass(slots=True)
class Candidate:
    """A release as a target.

    ``broken`` says why it is no whole set; ``condemned`` why a person or a run condemned it;
    ``too_old`` that it lies below the floor; ``left`` names the components that were rolled back
    from it by other means than ours, which only a person may overrule by naming the release;
    ``not_proved`` says what its evidence lacks.
    """

    release: Release
    versions: dict[str, Version] = field(default_factory=dict)
    broken: str | None = None
    condemned: str | None = None
    too_old: str | None = None
    left: tuple[str, ...] = ()
    not_proved: str | None = None

    @property
    def forbidden(self) -> str | None:
        """What no option overrules."""
        return "; ".join(part for part in (self.condemned, self.broken, self.too_old) if part) or None

    @property
    def objection(self) -> str | None:
        """All that speaks against it, but missing evidence."""
        # A condemned one was, of course.
        left = (
            f"it was rolled back from ({', '.join(self.left)})" if self.left and not self.condemned else None
        )
        return "; ".join(part for part in (self.forbidden, left) if part) or None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a target must fulfil besides being a whole set.

    ``evidence``: it was validated, and served for ``served`` before the next release came.
    ``not_older_than``: the floor, below which a known hole is open again. ``unreachable`` asks the
    platform whether the versions can be put into service; it is asked about few candidates only.
    """

    evidence: bool = True
    served: timedelta = timedelta(0)
    not_older_than: datetime | None = None
    unreachable: Callable[[Mapping[str, Version]], str | None] | None = None


def candidate_of(
    release: Release, states: Mapping[str, State], releases: list[Release], known: View, rules: Rules
) -> Candidate:
    """Look at one release."""
    candidate = Candidate(release)
    condemned = known.condemned_release(release.name)
    if condemned is not None:
        candidate.condemned = f"condemned: {condemned.reason}"
    if rules.not_older_than is not None and release.finished < rules.not_older_than:
        candidate.too_old = f"older than the floor, {rules.not_older_than:%Y-%m-%d %H:%M} UTC"
    candidate.not_proved = why_not_proved(release, rules)
    if release.ambiguous is not None:
        candidate.broken = release.ambiguous
    elif release.recorded is not None:
        _of_record(candidate, states, release.recorded.versions)
    else:
        _of_history(candidate, states, releases)
    _look_for_condemned_versions(candidate, known)
    if known.was_cleared(release.name):
        candidate.left = ()
    return candidate


def why_not_proved(release: Release, rules: Rules) -> str | None:
    """What the evidence of a release lacks, or ``None`` when it is known to be good."""
    recorded = release.recorded
    if recorded is None or recorded.evidence is None:
        return "nobody recorded that it works"
    if recorded.evidence.verdict != "pass":
        return f"its last validation failed (run {recorded.evidence.run})"
    if recorded.served is not None and recorded.served < rules.served:
        return f"it served only {recorded.served.total_seconds():.0f} s"
    return None


def _of_record(candidate: Candidate, states: Mapping[str, State], recorded: Mapping[str, str]) -> None:
    missing, gone, unfit = [], [], []
    for name, state in states.items():
        if name not in recorded:
            missing.append(name)
            continue
        version = state.version(recorded[name])
        if version is None:
            gone.append(name)
        elif version.unfit is not None:
            unfit.append(f"{name} {version.unfit}")
        else:
            chain = with_secret_changes(state, version)
            candidate.versions[name] = last_served(state, chain) or version
            _note_left(candidate, state, chain)
    objections = [f"{', '.join(missing)} has no version of it"] if missing else []
    if gone:
        objections.append(f"Cloudflare does not keep its version of {', '.join(gone)} any more")
    candidate.broken = "; ".join(objections + unfit) or None


def _of_history(candidate: Candidate, states: Mapping[str, State], releases: list[Release]) -> None:
    release = candidate.release
    missing: list[str] = []
    unfit: list[str] = []
    for name, state in states.items():
        members = release.members.get(name, [])
        if not members:
            carried = _in_service_at(state, release) if state.component.follows == "when_changed" else None
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
        _note_left(candidate, state, members)
    objections = [f"{', '.join(missing)} has no version of it"] if missing else []
    candidate.broken = "; ".join(objections + unfit) or None


def _note_left(candidate: Candidate, state: State, members: list[Version]) -> None:
    if rolled_back_from(state) & {member.id for member in members}:
        candidate.left = (*candidate.left, state.component.name)


def _look_for_condemned_versions(candidate: Candidate, known: View) -> None:
    if candidate.condemned is not None:
        return
    for name, version in candidate.versions.items():
        found = known.condemned_version(name, version.id)
        if found is not None:
            candidate.condemned = f"its version of {name} is condemned: {found.reason}"
            return


def _in_service_at(state: State, release: Release) -> Version | None:
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
