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

    def history(self, component: Component) -> tuple[Deployment, ...]:
        """What is in service now, first, then what was put there lately, newest first.

        Empty when nothing ever was. Cloudflare does not say what a Pages project served before:
        there, every production deployment that was built counts.
        """

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        """Put versions into service. ``force`` accepts that secrets changed since a version was made.

        A Pages project takes one deployment at 100 %, and neither message nor force.
        """
