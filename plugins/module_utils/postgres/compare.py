"""The exact difference between two databases, table by table.

Per table both sides hash their rows into buckets, in the server. Rows are only fetched from buckets that
differ, as a key and a hash each, in the same order from both sides, and merged while they stream: memory
does not grow with the tables.

``newer`` is the database as it is, ``older`` the one to go back to. So rows *inserted*, *changed* and
*deleted* since the older one are what is lost by going back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg2 import sql

from .catalog import Table, tables
from .connect import Connection, Server, session
from .fingerprint import row_text

__all__ = ["Difference", "Pair", "Plan", "compare", "compare_table", "open_pair"]

_ROWS_PER_BUCKET = 64
_MOST_BUCKETS = 1 << 16
_FETCH = 5000


@dataclass(frozen=True)
class Difference:
    """Of one table. All counts are exact at the snapshots of the two databases.

    ``by_key`` is false for a table without a primary key: a changed row then counts as one deleted and one
    inserted. ``dropped`` maps a column that only the newer database has to how many of its rows hold a
    value in it: these values are lost too. ``only_in`` names the side of a table that the other has not.
    """

    schema: str
    name: str
    newer_rows: int
    older_rows: int
    inserted: int
    changed: int
    deleted: int
    by_key: bool
    dropped: dict[str, int]
    only_in: str | None = None

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def is_loss(self) -> bool:
        return bool(self.inserted or self.changed or self.deleted or any(self.dropped.values()))


@dataclass(frozen=True)
class Pair:
    """Both databases, each at one snapshot for as long as the pair is open."""

    newer: Connection
    older: Connection
    newer_tables: dict[str, Table]
    older_tables: dict[str, Table]

    @property
    def names(self) -> list[str]:
        return sorted(self.newer_tables.keys() | self.older_tables.keys())

    def key(self, name: str) -> tuple[str, ...]:
        """The primary key that a table has in both; empty when there is none, or they differ."""
        newer, older = self.newer_tables.get(name), self.older_tables.get(name)
        return newer.key if newer is not None and older is not None and newer.key == older.key else ()


class Sink(Protocol):
    """Hears of every row that differs: ``key`` holds the key's values as text (without a key, the row's)."""

    def __call__(self, table: Table, kind: str, key: Sequence[str], times: int) -> None: ...


@contextmanager
def open_pair(newer: Server, older: Server, *, timeout: float = 3600.0) -> Iterator[Pair]:
    """Read-only connections to both. Raises DatabaseError."""
    with ExitStack() as stack:
        opened = []
        for server in (newer, older):
            connection = stack.enter_context(session(server, read_only=True, statement_timeout=timeout))
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            opened.append((connection, {table.full_name: table for table in tables(connection)}))
        (new, new_tables), (old, old_tables) = opened
        yield Pair(new, old, new_tables, old_tables)


def compare(pair: Pair, *, sink: Sink | None = None) -> list[Difference]:
    """Every table's difference, also of those without any. Raises psycopg2.Error."""
    return [compare_table(pair, name, sink=sink) for name in pair.names]


def compare_table(pair: Pair, name: str, *, sink: Sink | None = None) -> Difference:
    """The difference of the table of that full name, which at least one side has. Raises psycopg2.Error."""
    newer, older = pair.newer_tables.get(name), pair.older_tables.get(name)
    if newer is None:
        return _only(pair.older, pair.older_tables[name], "older", None)
    if older is None:
        return _only(pair.newer, newer, "newer", sink)
    return _compare(pair, newer, older, sink)


@dataclass(frozen=True)
class Plan:
    """What of a table is compared: the columns that both have, by the key that both have.

    ``dropped`` are the columns that only the newer database has.
    """

    columns: list[str]
    dropped: list[str]
    key: tuple[str, ...]
    buckets: int

    @classmethod
    def of(cls, pair: Pair, name: str) -> Plan:
        newer, older = pair.newer_tables[name], pair.older_tables[name]
        ours, theirs = ({column.name for column in table.columns} for table in (newer, older))
        most = max(newer.estimate, older.estimate)
        buckets = 1 << min(max(most // _ROWS_PER_BUCKET, 1), _MOST_BUCKETS - 1).bit_length()
        return cls(sorted(ours & theirs), sorted(ours - theirs), pair.key(name), buckets)

    @property
    def row(self) -> sql.Composable:
        return row_text(self.columns)

    @property
    def bucket(self) -> sql.Composable:
        text = row_text(self.key) if self.key else self.row
        return sql.SQL("(pg_catalog.hashtextextended({}, 1) & {})").format(
            text, sql.Literal(self.buckets - 1)
        )


def _compare(pair: Pair, newer: Table, older: Table, sink: Sink | None) -> Difference:
    plan = Plan.of(pair, newer.full_name)
    with ThreadPoolExecutor(2) as pool:
        left_summary = pool.submit(_summary, pair.newer, newer, plan)
        right_summary = pool.submit(_summary, pair.older, older, plan)
        left, right = left_summary.result(), right_summary.result()
    differing = [bucket for bucket in left.keys() | right.keys() if left.get(bucket) != right.get(bucket)]
    inserted = changed = deleted = 0
    if differing:
        streams = _rows(pair.newer, newer, plan, differing), _rows(pair.older, older, plan, differing)
        for kind, found, times in _merge(*streams, by_key=bool(plan.key)):
            inserted += times if kind == "inserted" else 0
            changed += times if kind == "changed" else 0
            deleted += times if kind == "deleted" else 0
            if sink is not None:
                sink(newer, kind, found, times)
    return Difference(
        schema=newer.schema,
        name=newer.name,
        newer_rows=sum(rows for rows, _ in left.values()),
        older_rows=sum(rows for rows, _ in right.values()),
        inserted=inserted,
        changed=changed,
        deleted=deleted,
        by_key=bool(plan.key),
        dropped=_filled(pair.newer, newer, plan.dropped),
    )


def _summary(connection: Connection, table: Table, plan: Plan) -> dict[int, tuple[int, str]]:
    query = sql.SQL(
        "SELECT {}, count(*), sum(pg_catalog.hashtextextended({}, 0))::text FROM {} GROUP BY 1"
    ).format(plan.bucket, plan.row, table.own_rows)
    with connection.cursor() as cursor:
        # The planner expects as many groups as rows, and would sort them all.
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(query)
        summary = {bucket: (rows, content) for bucket, rows, content in cursor}
        cursor.execute("SET LOCAL enable_sort = on")
    return summary


def _rows(
    connection: Connection, table: Table, plan: Plan, buckets: Sequence[int]
) -> Iterator[tuple[str, list[str], Any]]:
    """(text that orders, key's values as text, hash or number of equal rows), ordered."""
    where: sql.Composable = sql.SQL("true")
    if len(buckets) < plan.buckets:
        # Of the same type as the bucket, or the server would look through the list for every row.
        where = sql.SQL("{} = ANY ({}::bigint[])").format(plan.bucket, sql.Literal(list(buckets)))
    if plan.key:
        values = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in plan.key)
        query = sql.SQL(
            'SELECT {} COLLATE "C", ARRAY[{}], pg_catalog.hashtextextended({}, 0) FROM {} WHERE {} ORDER BY 1'
        ).format(row_text(plan.key), values, plan.row, table.own_rows, where)
    else:
        query = sql.SQL(
            'SELECT {row} COLLATE "C", ARRAY[{row}], count(*) FROM {table} WHERE {where}'
            " GROUP BY 1, 2 ORDER BY 1"
        ).format(row=plan.row, table=table.own_rows, where=where)
    with connection.cursor(name="knowngood_rows") as cursor:
        cursor.itersize = _FETCH
        cursor.execute(query)
        yield from cursor


def _merge(
    newer: Iterator[tuple[str, list[str], Any]], older: Iterator[tuple[str, list[str], Any]], *, by_key: bool
) -> Iterator[tuple[str, list[str], int]]:
    """(kind, key, times) for what is not on both sides. Without a key rows come with how often they occur."""
    left, right = next(newer, None), next(older, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left[0] < right[0]):
            assert left is not None
            yield "inserted", left[1], 1 if by_key else left[2]
            left = next(newer, None)
        elif left is None or right[0] < left[0]:
            yield "deleted", right[1], 1 if by_key else right[2]
            right = next(older, None)
        else:
            if by_key and left[2] != right[2]:
                yield "changed", left[1], 1
            elif left[2] != right[2]:
                more = left[2] - right[2]
                yield "inserted" if more > 0 else "deleted", left[1], abs(more)
            left, right = next(newer, None), next(older, None)


def _only(connection: Connection, table: Table, side: str, sink: Sink | None) -> Difference:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(table.own_rows))
        rows = int((cursor.fetchone() or (0,))[0])
    if sink is not None and rows:
        sink(table, "table", (), rows)
    newer = side == "newer"
    return Difference(
        schema=table.schema,
        name=table.name,
        newer_rows=rows if newer else 0,
        older_rows=0 if newer else rows,
        inserted=rows if newer else 0,
        changed=0,
        deleted=0 if newer else rows,
        by_key=True,
        dropped={},
        only_in=side,
    )


def _filled(connection: Connection, table: Table, columns: Sequence[str]) -> dict[str, int]:
    if not columns:
        return {}
    counts = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(name)) for name in columns)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(counts, table.own_rows))
        return dict(zip(columns, cursor.fetchone() or (), strict=True))
