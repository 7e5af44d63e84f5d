"""Automatic deployments of a Pages project: a push to the production branch would undo a rollback.

``source.config`` of a project that is connected to a repository has two switches (Cloudflare's page
"Branch deployment controls", and the API of Pages projects): ``deployments_enabled`` for everything,
``production_deployments_enabled`` for the production branch. Only the second is used here: previews go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .client import Client
from .settle import settle

__all__ = ["pause", "resume", "to_pause"]

_SWITCH = "production_deployments_enabled"


def to_pause(client: Client, project: str) -> dict[str, Any] | None:
    """What :func:`resume` would have to put back after a pause, or ``None`` when there is nothing to pause:
    the project is fed by uploads, or somebody has paused it already. Raises :class:`CloudflareError`.

    Who must survive a kill between the pause and writing it down asks this first.
    """
    config = _config(client, project)
    if config is None or not config.get("deployments_enabled", True) or not config.get(_SWITCH, True):
        return None
    return {_SWITCH: True}


def pause(client: Client, project: str) -> dict[str, Any] | None:
    """Stop automatic deployments of the production branch; what to give to :func:`resume`.

    ``None`` as :func:`to_pause`: then nothing was changed, and nothing is to be put back.
    """
    previous = to_pause(client, project)
    if previous is not None:
        _set(client, project, False)
    return previous


def resume(client: Client, project: str, previous: Mapping[str, Any]) -> bool:
    """Put back what :func:`pause` gave; whether anything had to be changed. A project that is not connected
    to its repository any more is left alone."""
    if _config(client, project) is None:
        return False
    return _set(client, project, bool(previous[_SWITCH]))


def _set(client: Client, project: str, enabled: bool) -> bool:
    def write() -> None:
        # The whole source as it is now: whether Cloudflare merges or replaces, the rest stays.
        source = client.read(_path(project))["source"]
        source["config"][_SWITCH] = enabled
        client.call("PATCH", _path(project), {"source": source})

    return settle(
        lambda: (_config(client, project) or {}).get(_SWITCH, True) is enabled,
        write,
        f"automatic deployments of {project}",
    )


def _config(client: Client, project: str) -> dict[str, Any] | None:
    source = client.read(_path(project)).get("source")
    config: dict[str, Any] | None = source and source.get("config")
    return config


def _path(project: str) -> str:
    return f"pages/projects/{quote(project, safe='')}"
