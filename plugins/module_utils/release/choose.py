"""Which release to go back to, and why not to another.

The rule, where nobody names a target: the newest release that is known to be good, older than the
newest release that was put into service, whole, not condemned, and that nobody went back from. It
looks at what was released, not at what is live now; so a second run, or a run after one that was
killed half-way, finds the same target again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .candidate import Candidate, Rules, candidate_of, why_condemned, why_condemned_set
from .history import why_unfit
from .model import Release, State, Version

if TYPE_CHECKING:
    from ..ledger.view import View

__all__ = ["UNNAMED", "Choice", "Refusal", "choose", "floor", "pinned"]

# What a set is called that somebody put together from versions.
UNNAMED = "the versions given"
# As many releases as a person can look through in a refusal.
_LISTED = 20


@dataclass(slots=True)
class Choice:
    """The target, and the releases between it and the newest with the reason why they were passed over."""

    candidate: Candidate
    newest: Release | None
    skipped: list[Candidate] = field(default_factory=list)
    reason: str = ""


class Refusal(Exception):
    """No target can be chosen. ``candidates`` are the newest releases, for the table.

    ``next`` are the extra variables that would let the run go on, where there are any.
    """

    def __init__(self, message: str, candidates: list[Candidate], *, next_: str = "") -> None:
        super().__init__(message)
        self.candidates = candidates
        self.next = next_


def choose(
    states: Mapping[str, State],
    releases: list[Release],
    known: View,
    rules: Rules,
    *,
    release: str | None = None,
    versions: Mapping[str, str] | None = None,
) -> Choice:
    """Choose the target.

    ``states`` are all components of this run; ``releases`` what :func:`group` makes of them;
    ``known`` what the ledger says. ``release`` names one (name, tag, commit or message);
    ``versions`` maps components to version ids, and the components that it does not name stay as
    they are. Raises :class:`Refusal`.
    """
    choosing = _Choosing(states, releases, known, rules)
    if versions:
        return choosing.explicit(versions)
    if release is not None:
        return choosing.named(release)
    return choosing.newest_good()


def pinned(
    states: Mapping[str, State],
    releases: list[Release],
    known: View,
    rules: Rules,
    asked: Mapping[str, Any],
    reason: str,
    *,
    exactly: bool,
) -> Choice:
    """The target of a plan or goal that exists already: ``release`` and ``moves`` as plans hold them.

    A component may be at its start or at its target. With ``exactly`` that is left to the hash of the
    plan. Raises :class:`Refusal`.
    """
    for move in asked["moves"]:
        state = states.get(move["component"])
        live = state.live if state else None
        at_home = {id_ for id_, _ in move["live"]} | {move["to_id"]}
        if not exactly and live is not None and not set(live.serving) <= at_home:
            raise Refusal(
                f"{move['component']}: {' + '.join(live.serving)} was deployed since: plan again", []
            )
    condemned = known.condemned_release(asked["release"])
    if condemned is not None:
        raise Refusal(f"release {asked['release']} was condemned since: {condemned.reason}", [])
    choice = _Choosing(states, releases, known, rules).explicit(
        {move["component"]: move["to_id"] for move in asked["moves"]}
    )
    release = choice.candidate.release
    release.name = asked["release"]
    release.recorded = known.release(release.name)
    return Choice(choice.candidate, None, [], reason)


def floor(wanted: str, releases: list[Release]) -> datetime:
    """The moment that ``not_older_than`` means: a release (its own moment), or a time in ISO 8601.

    Raises :class:`Refusal`.
    """
    found = [each for each in releases if _answers_to(each, wanted)]
    if found:
        return min(each.finished for each in found)
    try:
        moment = datetime.fromisoformat(wanted)
    except ValueError:
        raise Refusal(
            f"not_older_than is {wanted!r}, which is neither a release nor a time like 2026-11-24T21:30", []
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Choosing:
    states: Mapping[str, State]
    releases: list[Release]
    known: View
    rules: Rules

    def newest_good(self) -> Choice:
        newest = next((each for each in self.releases if _was_served(each, self.states)), None)
        if newest is None:
            raise self.refusal("no release was ever put into service, so there is nothing to go back to")
        skipped: list[Candidate] = []
        unproved: Candidate | None = None
        for release in self.releases[self.releases.index(newest) + 1 :]:
            candidate = self.look(release)
            if candidate.objection is None and candidate.not_proved is None:
                reason = f"the newest release before {newest.name} that is known to be good"
                return Choice(candidate, newest, skipped, reason)
            if release.ambiguous and not self.rules.evidence and unproved is None:
                # Going further back without asking would be a guess.
                raise self.refusal(f"release {release.name} is not one coherent set: {candidate.broken}")
            if unproved is None and candidate.objection is None:
                unproved = candidate
            skipped.append(candidate)
        if unproved is None:
            raise self.refusal(f"no release before {newest.name} can be a target")
        if self.rules.evidence:
            raise self.refusal(
                f"no release before {newest.name} is known to be good; the newest that is whole is "
                f"{unproved.release.name}, and {unproved.not_proved}",
                next_="require_evidence=false",
            )
        return self.without_evidence(newest, skipped)

    def without_evidence(self, newest: Release, skipped: list[Candidate]) -> Choice:
        for place, candidate in enumerate(skipped):
            if candidate.objection is None:
                reason = f"the newest whole release before {newest.name}, without evidence"
                return Choice(candidate, newest, skipped[:place], reason)
        raise self.refusal(f"no release before {newest.name} can be a target")

    def named(self, wanted: str) -> Choice:
        found = [each for each in self.releases if _answers_to(each, wanted)]
        # A deploy that was repeated leaves versions of the same name that nobody recorded.
        found = [each for each in found if each.recorded is not None] or found
        if not found:
            raise self.refusal(f"there is no release {wanted!r}")
        if len(found) > 1:
            names = ", ".join(each.name for each in found)
            raise self.refusal(f"{wanted!r} means more than one release: {names}")
        candidate = self.look(found[0])
        if candidate.forbidden is not None:
            raise self.refusal(f"release {candidate.release.name} cannot be a target: {candidate.forbidden}")
        lacks = f", though {candidate.not_proved}" if candidate.not_proved else ""
        return Choice(candidate, None, [], f"asked for: release={wanted}{lacks}")

    def explicit(self, versions: Mapping[str, str]) -> Choice:
        unknown = [name for name in versions if name not in self.states]
        if unknown:
            raise self.refusal(f"versions names {', '.join(unknown)}, which is no component of this run")
        chosen: dict[str, Version] = {}
        for name, version_id in versions.items():
            version = self.states[name].version(version_id)
            if version is None:
                raise self.refusal(f"{name} has no version {version_id} that can be deployed")
            why = version.unfit
            if self.rules.not_older_than is not None and version.created < self.rules.not_older_than:
                why = why or f"older than the floor, {self.rules.not_older_than:%Y-%m-%d %H:%M} UTC"
            if why is not None:
                raise self.refusal(f"version {version_id} of {name} cannot be a target: it is {why}")
            chosen[name] = version
        staying = {
            name: version
            for name, state in self.states.items()
            if name not in chosen and state.live and (version := state.version(state.live.sole or ""))
        }
        condemned = why_condemned(chosen, self.states, self.known)
        condemned = condemned or why_condemned_set({**staying, **chosen}, self.known)
        if condemned is not None:
            raise self.refusal(f"the versions given cannot be a target: {condemned}")
        release = Release(UNNAMED, {name: [version] for name, version in chosen.items()})
        if UNNAMED in self.rules.unreachable:
            raise self.refusal(f"the versions given cannot be a target: {self.rules.unreachable[UNNAMED]}")
        return Choice(Candidate(release, chosen), None, [], "asked for: versions=…")

    def look(self, release: Release) -> Candidate:
        return candidate_of(release, self.states, self.releases, self.known, self.rules)

    def refusal(self, message: str, *, next_: str = "") -> Refusal:
        return Refusal(message, [self.look(each) for each in self.releases[:_LISTED]], next_=next_)


def _was_served(release: Release, states: Mapping[str, State]) -> bool:
    if release.recorded is not None:
        return True
    return any(
        name in states and why_unfit(states[name], version) is None
        for name, members in release.members.items()
        for version in members
    )


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
