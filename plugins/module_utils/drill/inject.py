"""What a scenario does to an environment. Every fault has a lease at the place that it is in, so it ends by itself."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from ..faults import in_words
from .child import Broken, follow, last_words
from .scenario import Action

__all__ = ["Faults", "deploy"]

_TIMEOUT = 10


@dataclass
class Faults:
    """The faults that a drill put in place, at the admin API of the local Cloudflare (docs/local-cloudflare.md)."""

    admin: str
    _placed: list[str] = field(default_factory=list)

    def place(self, action: Action) -> dict[str, Any]:
        """Inject a fault; what the place says of it. Raises :class:`Broken`."""
        where = f"{self.admin}/edge/faults" if action.kind == "edge" else f"{self.admin}/faults"
        try:
            answer = requests.post(where, json=action.given, timeout=_TIMEOUT)
            told: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise Broken(f"{action.name}: {where}: {in_words(error)}") from None
        if answer.status_code != 201:
            raise Broken(f"{action.name}: refused: {(told.get('errors') or [{}])[0].get('message')}")
        self._placed.append(f"{where}/{told['id']}")
        return told

    def end(self) -> list[str]:
        """End them now; one whose lease is over has ended already. In words, what only its lease will end."""
        left = []
        for place in self._placed:
            try:
                requests.delete(place, timeout=_TIMEOUT)
            except requests.RequestException as error:
                left.append(f"{place}: {in_words(error)}; it ends with its lease")
        self._placed = []
        return left


def deploy(
    command: Sequence[str],
    arguments: Sequence[str],
    *,
    release: str,
    cloudflare: Mapping[str, Any],
    root: Path,
    log: Path,
    each_look: Callable[[], None],
) -> datetime:
    """Deploy a release as CI would, to the account of the inventory; when it began. Raises :class:`Broken`."""
    words = [part.replace("{release}", release) for part in command]
    # Whatever else the caller is logged in to is not the drill's.
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("CLOUDFLARE_", "CF_"))
    }
    environ |= {
        "CLOUDFLARE_API_BASE_URL": cloudflare["api_url"],
        "CLOUDFLARE_API_TOKEN": cloudflare["api_token"],
        "CLOUDFLARE_ACCOUNT_ID": cloudflare["account_id"],
    }
    began = datetime.now(UTC)
    code = follow([*words, *arguments], cwd=root, environ=environ, log=log, each_look=each_look)
    if code:
        raise Broken(f"{' '.join([*words, *arguments])} ended with {code}: {last_words(log)}")
    return began
