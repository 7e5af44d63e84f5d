"""A release as a target: which version of each component it means, and what speaks against it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .history import as_it_worked, last_served, rolled_back_from, why_unfit, with_code_before
from .model import Release, State, Version

if TYPE_CHECKING:
    from ..ledger.view import View

__all__ = ["Candidate", "Rules", "candidate_of", "why_condemned", "why_condemned_set", "why_not_proved"]


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
    ``not_older_than``: the floor, below which a known hole is open again. ``unreachable`` are releases
    whose versions cannot be put into service, with the reason: asking costs, so only targets are asked for.
    """

    evidence: bool = True
    served: timedelta = timedelta(0)
    not_older_than: datetime | None = None
    unreachable: Mapping[str, str] = field(default_factory=dict)


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
    candidate.broken = candidate.broken or rules.unreachable.get(release.name)
    if candidate.condemned is None:
        candidate.condemned = why_condemned(candidate.versions, states, known) or why_condemned_set(
            candidate.versions, known
        )
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


def why_condemned(versions: Mapping[str, Version], states: Mapping[str, State], known: View) -> str | None:
    """Which of the versions is condemned, and why; ``None`` when none is.

    A version that only a secret change made of a condemned one has the same code, and is condemned with it.
    """
    for name, version in versions.items():
        for each in with_code_before(states[name], version):
            found = known.condemned_version(name, each.id)
            if found is not None:
                return f"its version of {name} is condemned: {found.reason}"
    return None


def why_condemned_set(versions: Mapping[str, Version], known: View) -> str | None:
    """Why a set of all components is condemned under some name."""
    found = known.condemned_set({name: version.id for name, version in versions.items()})
    return f"these versions together are condemned: {found.reason}" if found else None


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
            candidate.versions[name] = as_it_worked(state, version)
            _note_left(candidate, state, [version])
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
