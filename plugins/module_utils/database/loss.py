"""How much a way down would lose, counted before it runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..migrate.model import Busy, Finding, Interrupted, Kind, MigrationError

__all__ = ["Loss", "measure"]

_DELETE = re.compile(r"^\s*DELETE\s+FROM\s+\S+\s+(WHERE\s+[^;]*);?\s*$", re.I | re.S)
_ALL = re.compile(r"^\s*(DROP|TRUNCATE|DELETE|ALTER\s+TABLE\s.*\sDROP)\b", re.I | re.S)


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


def measure(findings: Iterable[Finding], rows: Callable[[str], list[Any]]) -> list[Loss]:
    """Count what the statements of a way down would lose; what loses nothing is left out.

    ``findings`` are those on the *down* scripts, so ``loses == "up"`` is what running them loses. ``rows``
    runs a query; its rows are sequences or mappings. What is not understood, or cannot be counted as the
    schema is now, is a loss that nobody can say. Raises ``Busy`` or ``Interrupted`` when it could be counted
    at another moment.
    """
    losses = []
    for finding in findings:
        if finding.loses != "up" and finding.kind is not Kind.IRREVERSIBLE:
            continue
        loss = _measure(finding, rows)
        if loss.rows != 0:
            losses.append(loss)
    return losses


def _measure(finding: Finding, rows: Callable[[str], list[Any]]) -> Loss:
    where = f"{finding.migration}, line {finding.line}"
    unknown = Loss(finding.table or "?", f"{where}: {finding.reason}", None, False)
    if not finding.table:
        return unknown
    source, what = f"FROM {finding.table}", f"all rows of {finding.table}"
    if finding.column:
        source += f" WHERE {finding.column} IS NOT NULL"
        what = f"values of {finding.table}.{finding.column}"
    elif found := _DELETE.match(finding.sql):
        source += f" {found[1]}"
        what = f"rows deleted from {finding.table}"
    try:
        counted = rows(f"SELECT count(*) AS n {source}")[0]
    except (Busy, Interrupted):
        raise
    except MigrationError:
        return unknown
    number = counted["n"] if isinstance(counted, dict) else counted[0]
    return Loss(finding.table, what, int(number), bool(_ALL.match(finding.sql)), f"SELECT * {source}")
