"""The plan: per component from, to, method and reason, complete before the first change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .candidate import Candidate
from .choose import Choice
from .live import Index, index_of, live_release
from .model import Release, State, Version

if TYPE_CHECKING:
    from ..ledger.view import Recorded

__all__ = ["Move", "Plan", "identity_of", "make_plan"]

_METHODS = {"worker": "deployment at 100 %", "pages": "Pages rollback"}


@dataclass(frozen=True, slots=True)
class Move:
    """What happens to one component.

    ``live`` is what serves now, as ``[[version id, percent], ...]``, and ``seen`` when the newest thing
    was made that the plan knows of: the switch compares both with what it finds. ``method`` is ``none``
    when the component is already where it should be. ``identity`` is what the target may say of
    itself: ``release``, ``tag``, ``commit``, ``version_id``. ``from_commit`` is the commit of what serves
    now, where that is one version that has one. Times are UTC, ISO 8601.
    """

    component: str
    kind: str
    target: str
    live: tuple[tuple[str, float], ...]
    seen: str
    from_label: str
    to_id: str
    to_label: str
    to_created: str
    method: str
    why: str
    identity: dict[str, str | None]
    secret_changed: bool = False
    url: str | None = None
    from_commit: str | None = None

    @property
    def changes(self) -> bool:
        return self.method != "none"


@dataclass(slots=True)
class Plan:
    """The moves of one environment. ``left_out`` are declared components that this run does not touch.

    ``release_made`` is when the last version of the target was made, ISO 8601. ``leaves`` is what the
    moves roll back from: names of releases, and version ids per component. ``levels`` are the schema
    levels that the ledger recorded for the target; ``stays`` are the settings around what serves that the
    rollback does not take back, and ``goes_back`` those that it does: bindings, names of secrets.
    ``evidence`` is why the target is believed good: ``verdict``, ``tier``, ``by``, ``run`` and ``time``
    (ISO 8601) of its newest validation, and in ``served`` the seconds that it was the newest release; empty
    when the ledger has none.
    """

    environment: str
    release: str
    release_made: str
    reason: str
    live_release: str | None
    moves: list[Move]
    skipped: list[dict[str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    leaves: dict[str, Any] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    stays: list[str] = field(default_factory=list)
    goes_back: list[str] = field(default_factory=list)
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return any(move.changes for move in self.moves)

    @property
    def hash(self) -> str:
        """Twelve hex digits over what would be done; the same for the same plan, whenever it was made."""
        essence = [self.environment, sorted((m.component, m.live, m.to_id, m.method) for m in self.moves)]
        return hashlib.sha256(json.dumps(essence, sort_keys=True).encode()).hexdigest()[:12]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "hash": self.hash, "changes": self.changes}

    @property
    def identities(self) -> dict[str, dict[str, str | None]]:
        """What each component may call its version, once it is at its target."""
        return {move.component: move.identity for move in self.moves}


def make_plan(
    environment: str,
    states: Mapping[str, State],
    releases: list[Release],
    choice: Choice,
    *,
    left_out: list[str],
) -> Plan:
    """Turn a choice into moves. Components that the choice does not name stay as they are."""
    live, _ = live_release(states, releases)
    index = index_of(releases)
    moves = [
        _move(state, choice.candidate, index, choice.reason)
        for name, state in states.items()
        if name in choice.candidate.versions
    ]
    recorded = choice.candidate.release.recorded
    untouched = [name for name in states if name not in choice.candidate.versions]
    return Plan(
        environment=environment,
        release=choice.candidate.release.name,
        release_made=choice.candidate.release.finished.isoformat(),
        reason=choice.reason,
        live_release=live.name if live else None,
        moves=moves,
        skipped=[
            {"release": item.release.name, "why": item.objection or item.not_proved or ""}
            for item in choice.skipped
        ],
        left_out=sorted([*left_out, *untouched]),
        leaves=_leaves(states, choice, index, whole=not left_out and not untouched),
        levels={name: told.get("level", "") for name, told in recorded.databases.items()} if recorded else {},
        evidence=_evidence(recorded),
    )


def _evidence(recorded: Recorded | None) -> dict[str, Any]:
    if recorded is None or recorded.evidence is None:
        return {}
    evidence = recorded.evidence
    told = {name: getattr(evidence, name) for name in ("verdict", "tier", "by", "run")}
    served = recorded.served.total_seconds() if recorded.served is not None else None
    return {**told, "time": evidence.time.isoformat(), "served": served}


def _leaves(states: Mapping[str, State], choice: Choice, index: Index, *, whole: bool) -> dict[str, Any]:
    """What the plan rolls back from: versions newer than their targets, and the releases that brought them."""
    versions: dict[str, list[str]] = {}
    releases: dict[str, None] = {}
    for name, target in choice.candidate.versions.items():
        live = states[name].live
        for id_ in live.serving if live else ():
            version = states[name].version(id_)
            if version is not None and version.created > target.created:
                versions.setdefault(name, []).append(id_)
                if (name, id_) in index:
                    releases[index[name, id_].name] = None
    return {"releases": list(releases) if whole else [], "versions": versions}


def _move(state: State, candidate: Candidate, index: Index, reason: str) -> Move:
    version = candidate.versions[state.component.name]
    live = state.live
    serving = [share for share in live.shares if share[1] > 0] if live else []
    there = [id_ for id_, _ in serving] == [version.id]
    # A version rehearsed at 0 % is still part of the deployment, but that changes nothing for users.
    return Move(
        component=state.component.name,
        kind=state.component.kind,
        target=state.component.target,
        live=tuple(serving),
        seen=_newest(state).isoformat(),
        from_label=" + ".join(_label(id_, state, index) for id_, _ in serving) or "nothing",
        to_id=version.id,
        to_label=_label(version.id, state, index),
        to_created=_iso(version.created),
        method="none" if there else _METHODS[state.component.kind],
        why="is there already" if there else reason,
        identity=identity_of(version, candidate.release.name),
        secret_changed=not there and _secret_changed(state, version),
        url=version.url,
        from_commit=_commit_of(state, serving),
    )


def _commit_of(state: State, serving: list[tuple[str, float]]) -> str | None:
    version = state.version(serving[0][0]) if len(serving) == 1 else None
    return version.commit if version is not None else None


def identity_of(version: Version, release: str | None) -> dict[str, str | None]:
    """What a version may be called by the component that runs it."""
    return {"release": release, "tag": version.tag, "commit": version.commit, "version_id": version.id}


def _secret_changed(state: State, target: Version) -> bool:
    """Whether a secret was changed after the target was made; Cloudflare tells its name at the deployment."""
    return any(version.secret_only and version.created > target.created for version in state.versions)


def _newest(state: State) -> datetime:
    made = [deployment.created for deployment in state.deployments]
    return max(made + [version.created for version in state.versions])


def _label(version_id: str, state: State, index: Index) -> str:
    release = index.get((state.component.name, version_id))
    return f"{release.name} ({version_id[:8]})" if release else version_id[:8]


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
