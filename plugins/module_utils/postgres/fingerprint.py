"""What a table holds, as a row count and a number: equal for equal rows in any order.

The number is the sum, over all rows, of a 64-bit hash of the row's text. It is computed in the server, in
parallel where the server does that, and does not depend on the order of columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from psycopg2 import sql

from .catalog import Table, tables
from .connect import Connection

__all__ = ["Fingerprint", "differences", "fingerprint", "fingerprints", "row_text"]


@dataclass(frozen=True)
class Fingerprint:
    """``content`` is ``None`` where only rows were counted."""

    schema: str
    name: str
    rows: int
    content: str | None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"


def row_text(columns: Sequence[str]) -> sql.Composable:
    """A row's text as an SQL expression: unambiguous, and the same for the same values."""
    if not columns:
        return sql.SQL("''")
    return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(map(sql.Identifier, columns)))


def fingerprint(connection: Connection, table: Table, *, content: bool = True) -> Fingerprint:
    """Of one table, at the connection's snapshot."""
    text = row_text(sorted(column.name for column in table.columns))
    hashed = sql.SQL("coalesce(sum(pg_catalog.hashtextextended({}, 0)), 0)::text").format(text)
    query = sql.SQL("SELECT count(*), {} FROM {}").format(
        hashed if content else sql.SQL("NULL"), table.own_rows
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows, number = cursor.fetchone() or (0, None)
    return Fingerprint(table.schema, table.name, rows, number)


def fingerprints(connection: Connection, *, content: bool = True) -> list[Fingerprint]:
    """Of every table. Comparable with each other when the connection is in a REPEATABLE READ transaction."""
    return [fingerprint(connection, table, content=content) for table in tables(connection)]


def differences(expected: Iterable[Fingerprint], found: Iterable[Fingerprint]) -> list[str]:
    """In words, table by table; empty when both hold the same."""
    wanted = {each.full_name: each for each in expected}
    there = {each.full_name: each for each in found}
    said = []
    for name in sorted(wanted.keys() | there.keys()):
        if name not in there:
            said.append(f"{name} is not there ({wanted[name].rows} rows expected)")
        elif name not in wanted:
            said.append(f"{name} is there and was not expected ({there[name].rows} rows)")
        elif wanted[name].rows != there[name].rows:
            said.append(f"{name} has {there[name].rows} rows, not {wanted[name].rows}")
        elif None not in (wanted[name].content, there[name].content) and (
            wanted[name].content != there[name].content
        ):
            said.append(f"{name} has the right {wanted[name].rows} rows, but not their content")
    return said
