"""Cloudflare through the wrangler CLI: for people who are logged in with wrangler and have no API token.

``rollback`` without an id alternates between two versions, and with changed secrets it agrees by
itself; so targets go through ``versions deploy`` with explicit ids. wrangler has no command for a
Pages rollback: Pages go through the API, with the token that wrangler itself holds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from ..release.model import Component, Deployment, State
from .cli import Cli
from .platform import Platform, Shares
from .rest import deployment_of, worker_state

__all__ = ["Wrangler"]

_IMMEDIATE_SINCE = (4, 141)


class Wrangler:
    """See :class:`Platform`. ``rest`` makes the platform that serves Pages."""

    def __init__(self, cli: Cli, *, rest: Callable[[], Platform]) -> None:
        self._cli = cli
        self._rest = rest

    def state(self, component: Component) -> State:
        if component.kind == "pages":
            return self._pages.state(component)
        deployments = self._deployments(component)
        versions = self._cli.json("versions", "list", "--name", component.target)
        # wrangler sorts oldest first; the API, and we, newest first.
        return worker_state(component, deployments, list(reversed(versions)))

    def history(self, component: Component) -> tuple[Deployment, ...]:
        if component.kind == "pages":
            return self._pages.history(component)
        return tuple(deployment_of(item) for item in self._deployments(component))

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        if component.kind == "pages":
            self._pages.serve(component, shares, message, force=force)
            return
        sole = len(shares) == 1
        specs = [f"{id_}@{percent:g}" for id_, percent in shares]
        # Only ``rollback`` can say that changed secrets are accepted, and it always does.
        verb = ["rollback", shares[0][0]] if force and sole else ["versions", "deploy", *specs]
        mode = (
            ["--durable-objects-code-update-mode", "immediate"]
            if self._cli.version >= _IMMEDIATE_SINCE
            else []
        )
        self._cli.run(*verb, "--name", component.target, "--message", message, "--yes", *mode, write=True)

    def _deployments(self, component: Component) -> list[dict[str, Any]]:
        return list(reversed(self._cli.json("deployments", "list", "--name", component.target)))

    @cached_property
    def _pages(self) -> Platform:
        return self._rest()
