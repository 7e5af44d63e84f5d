"""What going back needs of a database, whatever kind it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..migrate.driver import Driver
from .loss import Loss

__all__ = ["Earlier", "Managed"]


@dataclass(frozen=True)
class Earlier:
    """A state that the whole database could be taken back to: a bookmark, or a backup.

    ``moment`` is UTC, ISO 8601. ``what`` says in words what it is.
    """

    what: str
    token: str
    moment: str


class Managed(Protocol):
    """One declared database. Everything raises an error whose text can be shown."""

    name: str
    driver: Driver

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query."""

    def applied_at(self) -> dict[str, datetime]:
        """When each migration was applied, as far as the bookkeeping table says."""

    def earlier(self, before: str | None) -> Earlier | None:
        """The newest state from before a migration was applied that can be gone back to."""

    def losses(self, earlier: Earlier) -> list[Loss]:
        """What was written since that state, per table."""

    def rewind(self, earlier: Earlier) -> dict[str, str]:
        """Go back to it; what is needed to undo that. Done already, it changes nothing."""

    def undo(self, undo: dict[str, str]) -> None:
        """Take a rewind back."""

    def snapshot(self) -> dict[str, Any] | None:
        """What the data is now, to be compared with afterwards; ``None`` where nothing can be compared."""

    def problems(self, before: Mapping[str, Any] | None, back_to: str | None) -> list[str]:
        """What is wrong with the data as it is now, in sentences.

        ``before`` is an earlier :meth:`snapshot`; ``back_to`` the moment that a rewind went to (ISO 8601).
        """
