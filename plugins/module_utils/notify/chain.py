"""The contact chain: who is called, and when, until somebody takes the incident on (S64-S67, S92, S93)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Chain"]


class Chain:
    """``contacts`` in their order, each with ``level`` (from 1) and ``after`` (minutes since the incident opened)."""

    def __init__(self, contacts: Sequence[Mapping[str, Any]]) -> None:
        self._waiting = list(contacts)

    def due(self, minutes: float, *, acknowledged: bool) -> list[tuple[Mapping[str, Any], str]]:
        """Whose time has come, and why they are called; each is called once."""
        if acknowledged:
            return []
        found = [contact for contact in self._waiting if contact["after"] <= minutes]
        return [(self._take(contact), _why(contact["after"])) for contact in found]

    def failed(self) -> list[tuple[Mapping[str, Any], str]]:
        """The run failed: the second level is called at once, and the first if it was not yet (S92)."""
        found = [contact for contact in self._waiting if contact["level"] <= 2]
        return [(self._take(contact), "the run failed") for contact in found]

    def everybody(self, why: str) -> list[tuple[Mapping[str, Any], str]]:
        """A person asked for everybody who was not called yet."""
        return [(self._take(contact), why) for contact in list(self._waiting)]

    def _take(self, contact: Mapping[str, Any]) -> Mapping[str, Any]:
        self._waiting.remove(contact)
        return contact


def _why(after: float) -> str:
    return f"nobody has taken it on for {after:g} minutes" if after else "it was opened just now"
