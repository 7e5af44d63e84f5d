"""What going back needs of a database, whatever kind it is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from ..migrate.driver import Driver
from .loss import Loss

__all__ = ["Earlier", "Looked", "Managed", "MoreLost", "Rewound", "check_limit"]


@dataclass(frozen=True)
class Earlier:
    """A state that the whole database could be taken back to: a bookmark, or a backup.

    ``moment`` is UTC, ISO 8601. ``what`` says in words what it is.
    """

    what: str
    token: str
    moment: str


@dataclass(frozen=True)
class Rewound:
    """``undo`` is what an undo needs, ``losses`` what was really lost."""

    undo: dict[str, str]
    losses: list[Loss]


@dataclass(frozen=True)
class Looked:
    """What a look at the data found, in sentences: what is ``wrong``, and what could not be looked at (``unknown``)."""

    wrong: list[str]
    unknown: list[str]


class MoreLost(Exception):
    """More would be lost by now than was allowed. Nothing was changed."""

    def __init__(self, losses: list[Loss], limit: int) -> None:
        rows = sum(loss.rows or 0 for loss in losses)
        super().__init__(
            f"by now {rows} rows would be lost, more than the {limit} that are allowed; plan again"
        )


def check_limit(losses: list[Loss], limit: int | None) -> None:
    """Raise :class:`MoreLost` if need be."""
    if limit is not None and sum(loss.rows or 0 for loss in losses) > limit:
        raise MoreLost(losses, limit)


class Managed(Protocol):
    """One declared database. Everything raises an error whose text can be shown."""

    name: str
    driver: Driver

    def rows(self, sql: str) -> list[Any]:
        """The rows of a query."""

    def applied_at(self) -> dict[str, datetime]:
        """When each migration was applied, as far as the bookkeeping table says."""

    def bookmark(self) -> str | None:
        """Where the database is in its history now; ``None`` where it keeps none that could be named."""

    def earlier(self, before: str | None) -> Earlier | None:
        """The newest state from before a migration was applied that can be gone back to."""

    def at(self, moment: datetime | None) -> Earlier | None:
        """The newest state of that moment or before it that can be gone back to.

        ``None`` for the newest of all, where states are kept as such; a database that has every moment has none.
        """

    def losses(self, earlier: Earlier) -> list[Loss]:
        """What was written since that state, per table."""

    def rewind(self, earlier: Earlier, limit: int | None) -> Rewound:
        """Go back to it. Done already, it changes nothing.

        What is lost is counted once more, when nothing can be written any more or right before; raises
        :class:`MoreLost` if it is more than ``limit`` rows (``None``: however much), with nothing changed.
        """

    def undo(self, undo: dict[str, str]) -> None:
        """Take a rewind back."""

    def snapshot(self, within: float | None = None) -> dict[str, Any] | None:
        """What the data is now, to be compared with afterwards; ``None`` where nothing can be compared.

        With ``within`` (seconds) what cannot be read in that time is left out, and ``left_out`` says so in sentences.
        """

    def problems(
        self, before: Mapping[str, Any] | None, back_to: str | None, lost: Collection[str]
    ) -> Looked:
        """What is wrong with the data as it is now.

        ``before`` is an earlier :meth:`snapshot`; ``back_to`` the moment that a rewind went to (ISO 8601).
        ``lost`` are the tables of the losses that were agreed to, as in :class:`Loss`.
        """
