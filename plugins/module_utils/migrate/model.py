"""Migrations as data: what there is, what is applied, and what a statement does to the way back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import total_ordering
from typing import Literal

__all__ = [
    "Busy",
    "Dialect",
    "Dirty",
    "Finding",
    "Interrupted",
    "Kind",
    "Migration",
    "MigrationError",
    "MissingDown",
    "Status",
    "Step",
    "worst",
]

Dialect = Literal["postgres", "sqlite"]


@total_ordering
class Kind(Enum):
    """How far a statement stands in the way of going back; later ones are worse."""

    ADDITIVE = "additive"
    """Code from before keeps working, and nothing is lost by leaving it."""
    REVERSIBLE = "reversible"
    """Code from before may break; the way back loses nothing."""
    LOSSY = "lossy"
    """Data was lost on the way up, or is lost on the way down: ``Finding.loses`` says which."""
    IRREVERSIBLE = "irreversible"
    """Cannot be undone from the schema alone, or is not understood."""

    def __lt__(self, other: Kind) -> bool:
        order = list(Kind)
        return order.index(self) < order.index(other)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Finding:
    """What one statement of a migration does to the way back, in plain words."""

    migration: str
    statement: str
    """The statement on one line, shortened."""
    line: int
    """Line in the file, from 1."""
    kind: Kind
    reason: str
    loses: str = ""
    """``up``: going up has lost data, which no down step brings back. ``down``: the down step loses it."""
    table: str = ""
    """Of a loss, where it is known: it is at most the rows of this table, named as in SQL ..."""
    column: str = ""
    """... or only the values of this column."""
    sql: str = ""
    """The whole statement, as it stands in the file."""


def worst(findings: Iterable[Finding]) -> Kind:
    """The kind of the whole: additive when there is nothing."""
    return max((finding.kind for finding in findings), default=Kind.ADDITIVE)


@dataclass(frozen=True)
class Migration:
    """One migration. ``up`` and ``down`` are SQL whose lines are those of the file they came from."""

    id: str
    """What the bookkeeping table calls it."""
    name: str
    up: str
    down: str | None
    """``None`` when there is no way down."""
    file: str
    down_file: str
    """Where the way down is, or where it would have to be."""
    transaction: bool = True
    """False when its files ask not to be run in a transaction."""
    unreadable_up: str = ""
    """Why the way up is not known as SQL (it is Python); empty when ``up`` tells it."""
    unreadable_down: str = ""


@dataclass(frozen=True)
class Status:
    """Where a database stands."""

    applied: tuple[str, ...]
    """Ids, oldest first."""
    pending: tuple[str, ...]
    dirty: str | None = None
    """Id of a migration that was begun and not finished."""
    problems: tuple[str, ...] = ()
    """Sentences that name what does not fit, and the way out."""


@dataclass(frozen=True)
class Step:
    """One migration to be taken down."""

    migration: Migration
    findings: tuple[Finding, ...]
    """What the *down* script does, judged like any other: ``loses == "up"`` is data that running it loses."""
    transaction: bool
    """False: it holds a statement that cannot be in a transaction, and is run one statement at a time."""


class MigrationError(Exception):
    """A migration could not be read, planned or run. The message names the migration and the file."""


class MissingDown(MigrationError):
    """There is no way down for at least one migration. Nothing was changed."""


class Dirty(MigrationError):
    """A migration was left half-applied; the message says the way out. Nothing was changed."""


class Busy(MigrationError):
    """Somebody else migrates this database, or holds a table that is needed, for too long."""


class Interrupted(MigrationError):
    """The connection was lost, so that what happened is not known until the state is read again."""
