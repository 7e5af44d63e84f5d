"""Which rows of a table came and went between two snapshots of one database, without reading their content.

Both snapshots must still be open. Then no row that the earlier one sees can be removed, and a place in the
table (``ctid``) holds for both of them the same version of a row, or one that they do not see. So:

- a version that is new has an ``xmin`` of no earlier transaction than the oldest that was running when the
  earlier snapshot was taken, and the earlier snapshot does not see its place;
- as many versions are gone as the row counts and the new versions leave over;
- a version that is gone has an ``xmax``, and the later snapshot does not see its place. Of several
  transactions at once ``xmax`` is the number of their list, which tells nothing; then, as the sum shows, all
  rows with an ``xmax`` are looked at.

The number of a transaction comes around again after 2^32 of them. That an ancient row looks young is no
harm: the earlier snapshot sees its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import sql

from .catalog import Table
from .compare import Plan
from .connect import Connection
from .keys import Key, Row, key_texts, values_of

__all__ = ["Unsure", "Window", "Written", "written"]

_ALL = 1 << 32
_WIDTH = 1 << 24
_MOST = 200_000
_AT_ONCE = 10_000


class Unsure(Exception):
    """It cannot be told this way which rows were written; the message says why."""


@dataclass(frozen=True)
class Window:
    """Transactions that the snapshot beginning it may not see: from ``low`` on, the next 16 million."""

    low: int

    @classmethod
    def of(cls, connection: Connection) -> Window:
        """At the connection's snapshot."""
        return cls(_snapshot(connection, "xmin"))

    def refuse_older_than(self, later: Connection) -> None:
        """Raises Unsure when transactions may have come since that are no longer inside."""
        if _snapshot(later, "xmax") > self.low + _WIDTH:
            raise Unsure(f"there were more than {_WIDTH} transactions since the oldest that was open")

    def holds(self, transaction: sql.Composable) -> sql.Composable:
        """Whether a 32-bit transaction number is inside, as an SQL condition."""
        first, last = self.low % _ALL, (self.low + _WIDTH - 1) % _ALL
        inside = "BETWEEN {} AND {}" if first <= last else "NOT BETWEEN {1} + 1 AND {0} - 1"
        return sql.SQL("{}::text::bigint ").format(transaction) + sql.SQL(inside).format(
            sql.Literal(first), sql.Literal(last)
        )


@dataclass(frozen=True)
class Written:
    """``new`` are versions of rows that came, ``gone`` the keys of those that went: an updated row is in both.

    Of a table without a key only their numbers are told.
    """

    new: dict[Key, Row]
    gone: list[Key]
    came: int
    went: int
    rows: int


def written(
    earlier: Connection, later: Connection, table: Table, plan: Plan, window: Window, *, rows_before: int
) -> Written:
    """Between two snapshots. ``window`` is the earlier one's, ``rows_before`` the rows that it sees.

    Raises Unsure, psycopg2.Error.
    """
    with later.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table.own_rows))
        rows = int((cursor.fetchone() or (0,))[0])
    young = _some(
        later, table, window.holds(sql.SQL("xmin")), plan.key, values_of(plan.columns, plan.dropped)
    )
    seen = _seen(earlier, table, [ctid for ctid, *_ in young])
    new = [row for row in young if row[0] not in seen]
    went = rows_before - rows + len(new)
    gone = _gone(earlier, later, table, window, plan.key, went) if went else []
    return Written(
        new={tuple(key): (hashed, tuple(filled)) for _, key, hashed, filled in new} if plan.key else {},
        gone=gone,
        came=len(new),
        went=went,
        rows=rows,
    )


def _gone(
    earlier: Connection, later: Connection, table: Table, window: Window, key: Sequence[str], went: int
) -> list[Key]:
    for where in (window.holds(sql.SQL("xmax")), sql.SQL("xmax <> '0'::xid")):
        ended = _some(earlier, table, where, key)
        seen = _seen(later, table, [ctid for ctid, *_ in ended])
        gone = [tuple(each) for ctid, each in ended if ctid not in seen]
        if len(gone) == went:
            return gone
    raise Unsure(f"{went} rows went, and {len(gone)} were found")


def _some(
    connection: Connection,
    table: Table,
    where: sql.Composable,
    key: Sequence[str],
    values: sql.Composable | None = None,
) -> list[tuple[Any, ...]]:
    """(place, key, and where asked for the values) of the rows for which a condition holds."""
    what = [sql.SQL("ctid::text"), key_texts(key), *([values] if values is not None else [])]
    query = sql.SQL("SELECT {} FROM {} WHERE {} LIMIT {}").format(
        sql.SQL(", ").join(what), table.own_rows, where, sql.Literal(_MOST + 1)
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchall()
    if len(found) > _MOST:
        raise Unsure(f"more than {_MOST} rows come into question")
    return found


def _seen(connection: Connection, table: Table, places: Sequence[str]) -> set[str]:
    """Those of the places at which the snapshot sees a row."""
    seen: set[str] = set()
    query = sql.SQL("SELECT ctid::text FROM {} WHERE ctid = ANY (%s::tid[])").format(table.own_rows)
    for start in range(0, len(places), _AT_ONCE):
        with connection.cursor() as cursor:
            cursor.execute(query, (list(places[start : start + _AT_ONCE]),))
            seen.update(ctid for (ctid,) in cursor)
    return seen


def _snapshot(connection: Connection, end: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_catalog.pg_snapshot_{end}(pg_catalog.pg_current_snapshot())::text::bigint")
        return int((cursor.fetchone() or (0,))[0])
