"""How much a statement would lose, counted before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Loss", "count_of", "measure"]

_NAME = r'(?:"[^"]+"|`[^`]+`|\[[^\]]+\]|[\w$]+)(?:\s*\.\s*(?:"[^"]+"|[\w$]+))?'
_DROP_TABLE = re.compile(rf"^\s*DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?({_NAME})", re.I)
_TRUNCATE = re.compile(rf"^\s*TRUNCATE\s+(?:TABLE\s+)?(?:ONLY\s+)?({_NAME})", re.I)
_DROP_COLUMN = re.compile(
    rf"^\s*ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?({_NAME})\s+DROP\s+(?:COLUMN\s+)?(?:IF\s+EXISTS\s+)?"
    rf"({_NAME})\s*(?:CASCADE|RESTRICT)?\s*;?\s*$",
    re.I,
)
_DELETE = re.compile(rf"^\s*DELETE\s+FROM\s+({_NAME})(\s+WHERE\s+.*)?;?\s*$", re.I | re.S)


@dataclass(frozen=True)
class Loss:
    """``rows`` that would be lost, or ``None`` when nobody can say.

    ``exact`` is false for an upper bound. ``rows_sql`` reads them, so that they can be kept.
    """

    table: str
    what: str
    rows: int | None
    exact: bool
    rows_sql: str | None = None


def count_of(statement: str) -> tuple[str, str, str] | None:
    """Table, condition and description of what a statement loses; ``None`` when it is none of these forms."""
    statement = " ".join(statement.split())
    if found := _DROP_TABLE.match(statement) or _TRUNCATE.match(statement):
        return found[1], "", f"all rows of {found[1]}"
    if found := _DROP_COLUMN.match(statement):
        return found[1], f" WHERE {found[2]} IS NOT NULL", f"values of {found[1]}.{found[2]}"
    if found := _DELETE.match(statement):
        return found[1], (found[2] or "").rstrip(" ;"), f"rows deleted from {found[1]}"
    return None


def measure(statements: list[str], rows: Callable[[str], list[Any]]) -> list[Loss]:
    """Count what each statement would lose. ``rows`` runs a query; its rows are sequences or mappings.

    Names and conditions go into the queries as they stand in the migration, which would be run as it stands.
    """
    losses = []
    for statement in statements:
        found = count_of(statement)
        if found is None:
            losses.append(Loss("?", f"whatever this loses: {statement[:80]}", None, False))
            continue
        table, condition, what = found
        source = f"FROM {table}{condition}"
        counted = rows(f"SELECT count(*) AS n {source}")[0]
        number = counted["n"] if isinstance(counted, dict) else counted[0]
        losses.append(Loss(table, what, int(number), True, f"SELECT * {source}"))
    return losses
