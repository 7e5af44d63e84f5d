"""What a rollback needs of Cloudflare, whichever way it is asked (REST, or the wrangler CLI)."""

from __future__ import annotations

from typing import Protocol

from ..release.model import Component, Deployment, State

__all__ = ["Platform", "Shares"]

# Version ids with the percent of the traffic that each takes; they sum to 100.
Shares = tuple[tuple[str, float], ...]


class Platform(Protocol):
    """Reads raise :class:`CloudflareError`; writes also :class:`SecretChanged` and :class:`Unanswered`."""

    def state(self, component: Component) -> State:
        """Everything that the planner needs to know of a component."""

    def live(self, component: Component) -> Deployment | None:
        """What is in service now, or ``None`` when nothing ever was."""

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        """Put versions into service. ``force`` accepts that secrets changed since a version was made.

        A Pages project takes one deployment at 100 %, and neither message nor force.
        """
