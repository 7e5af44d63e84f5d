"""What is known of an environment: versions, deployments, releases.

Plain data, the same for a Worker and for a Pages project, so that everything that decides
works on facts and never talks to Cloudflare.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..ledger.view import Recorded

__all__ = ["Component", "Deployment", "Release", "State", "Version"]


@dataclass(frozen=True, slots=True)
class Component:
    """One inventory host.

    ``kind`` is ``worker`` or ``pages``; ``target`` its name at Cloudflare (script or project).
    ``follows`` says whether every release deploys it (``always``) or only those that changed it
    (``when_changed``); in the second case a release without a version of its own carries the
    version that was in service.
    """

    name: str
    kind: str
    target: str
    follows: str = "always"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a Worker, or one deployment of a Pages project.

    ``unfit`` is the reason why it can never be a target (failed, preview), or ``None``.
    ``secret_only`` marks a version that Cloudflare made because a secret changed: the code is
    that of the version before it. ``url`` is where a Pages deployment can be seen before it is live.
    """

    id: str
    created: datetime
    tag: str | None = None
    commit: str | None = None
    message: str | None = None
    author: str | None = None
    secret_only: bool = False
    unfit: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was put into service at a moment. ``shares`` maps version id to percent."""

    id: str
    created: datetime
    shares: tuple[tuple[str, float], ...]
    author: str | None = None
    message: str | None = None

    @property
    def serving(self) -> tuple[str, ...]:
        """The versions that take traffic; one at 0 % is only being rehearsed."""
        return tuple(version for version, percent in self.shares if percent > 0)

    @property
    def sole(self) -> str | None:
        """The version that takes all traffic, or ``None`` in a split."""
        return self.serving[0] if len(self.serving) == 1 else None


@dataclass(frozen=True, eq=False)
class State:
    """What Cloudflare says of one component.

    ``deployments`` and ``versions`` are newest first. ``history_complete`` is false when older
    deployments may have been dropped (Cloudflare lists the ten newest of a Worker, and keeps no
    history of what was canonical for Pages): then a version without a deployment may still have served.
    """

    component: Component
    deployments: tuple[Deployment, ...]
    versions: tuple[Version, ...]
    history_complete: bool

    @property
    def live(self) -> Deployment | None:
        return self.deployments[0] if self.deployments else None

    def version(self, version_id: str) -> Version | None:
        place = self.places.get(version_id)
        return None if place is None else self.versions[place]

    @cached_property
    def soles(self) -> tuple[str, ...]:
        """The versions that took all traffic, newest deployment first."""
        return tuple(sole for each in self.deployments if (sole := each.sole) is not None)

    @cached_property
    def places(self) -> dict[str, int]:
        """Where each version stands in ``versions``."""
        return {version.id: place for place, version in enumerate(self.versions)}

    @cached_property
    def codes(self) -> dict[str, str]:
        """For each version the one whose code it has: another one where only a secret was changed."""
        codes: dict[str, str] = {}
        code = ""
        for version in reversed(self.versions):
            if not (version.secret_only and code):
                code = version.id
            codes[version.id] = code
        return codes


@dataclass(slots=True)
class Release:
    """Versions of several components that belong together.

    ``members`` maps a component's name to its versions in this release, newest first.
    ``ambiguous`` says why the set cannot be told apart, or is ``None``. ``recorded`` is what the ledger
    says of it: then its versions are those of the ledger, and ``members`` only the ones that it brought.
    """

    name: str
    members: dict[str, list[Version]] = field(default_factory=dict)
    ambiguous: str | None = None
    recorded: Recorded | None = None

    @property
    def finished(self) -> datetime:
        """When its last version was made; secret changes that came later do not count."""
        own = [
            version.created
            for versions in self.members.values()
            for version in versions
            if not version.secret_only
        ]
        if self.recorded is not None and not own:
            return self.recorded.recorded
        return max(own or [version.created for versions in self.members.values() for version in versions])

    @property
    def began(self) -> datetime:
        return min(version.created for versions in self.members.values() for version in versions)
