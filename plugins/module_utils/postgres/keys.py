"""Rows by the text of their primary key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg2 import sql

from .catalog import Table
from .connect import Connection
from .fingerprint import row_text

__all__ = ["Key", "Row", "key_texts", "of_keys", "rows_of_keys", "values_of"]

# The values of a key as text.
Key = tuple[str, ...]
# A hash of the compared columns, and for each column that is only counted whether it holds a value.
Row = tuple[int, tuple[bool, ...]]
_AT_ONCE = 5000


def key_texts(key: Sequence[str]) -> sql.Composable:
    """A row's key as an array of text."""
    values = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in key)
    return sql.SQL("ARRAY[{}]::text[]").format(values)


def values_of(columns: Sequence[str], counted: Sequence[str]) -> sql.Composable:
    """A :data:`Row` in two columns."""
    filled = sql.SQL(", ").join(sql.SQL("{} IS NOT NULL").format(sql.Identifier(name)) for name in counted)
    return sql.SQL("pg_catalog.hashtextextended({}, 0), ARRAY[{}]::bool[]").format(row_text(columns), filled)


def of_keys(table: Table, key: Sequence[str], keys: Sequence[Sequence[str]]) -> sql.Composable:
    """What follows ``FROM``: the rows ``t`` that have one of the keys, with the key's text in ``k``."""
    arrays, matches = [], []
    for place, name in enumerate(key):
        kind = table.column(name).type
        arrays.append(sql.SQL("{}::text[]").format(sql.Literal([each[place] for each in keys])))
        mine, theirs = sql.Identifier("t", name), sql.Identifier("k", _name(place))
        # Two keys that count as equal need not read alike (1.0 and 1.00), and rows are told apart by text.
        matches.append(sql.SQL('{}::text COLLATE "C" = {}').format(mine, theirs))
        # Types outside pg_catalog may have their operators anywhere; for the others this finds the index.
        if "." not in kind:
            matches.append(sql.SQL("{} = {}::" + kind).format(mine, theirs))
    return sql.SQL("{} t JOIN unnest({}) k ({}) ON {}").format(
        table.own_rows,
        sql.SQL(", ").join(arrays),
        sql.SQL(", ").join(sql.Identifier(_name(place)) for place in range(len(key))),
        sql.SQL(" AND ").join(matches),
    )


def rows_of_keys(
    connection: Connection,
    table: Table,
    key: Sequence[str],
    keys: Sequence[Key],
    *,
    columns: Sequence[str],
    counted: Sequence[str] = (),
) -> dict[Key, Row]:
    """The rows that are there. Raises psycopg2.Error."""
    found: dict[Key, Row] = {}
    for some in _pieces(keys):
        query = sql.SQL("SELECT ARRAY[{}]::text[], {} FROM {}").format(
            sql.SQL(", ").join(sql.Identifier("k", _name(place)) for place in range(len(key))),
            values_of(columns, counted),
            of_keys(table, key, some),
        )
        with connection.cursor() as cursor:
            cursor.execute(query)
            found |= {tuple(texts): (hashed, tuple(filled)) for texts, hashed, filled in cursor}
    return found


def _name(place: int) -> str:
    return f"knowngood_{place}"


def _pieces(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), _AT_ONCE):
        yield keys[start : start + _AT_ONCE]
