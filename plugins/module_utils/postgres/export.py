"""Rows that going back would lose, as CSV files, with a psql script that puts them back."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from psycopg2 import sql

from .catalog import Table
from .compare import Pair
from .fingerprint import row_text
from .put_back import write_script

__all__ = ["Export"]

_BATCH = 1000


class Export:
    """The sink of a comparison: writes below ``folder`` as the differences are found.

    ``<n>_<table>.inserted.csv`` and ``.changed.csv`` hold whole rows as the newer database has them,
    ``.deleted.csv`` the keys of rows that were deleted since (of a table without a key: their text).
    """

    def __init__(self, pair: Pair, folder: Path) -> None:
        self._pair = pair
        self._folder = folder
        self._files: dict[tuple[str, str], Path] = {}
        self._waiting: dict[tuple[str, str], list[tuple[Sequence[str], int]]] = {}
        self._numbers: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __call__(self, table: Table, kind: str, key: Sequence[str], times: int) -> None:
        slot = (table.full_name, kind)
        if kind == "table":
            self._copy(table, (table.full_name, "inserted"), sql.SQL("TABLE {}").format(table.identifier))
            return
        waiting = self._waiting.setdefault(slot, [])
        waiting.append((key, times))
        if len(waiting) >= _BATCH:
            self._flush(table, kind)

    def finish(self) -> list[Path]:
        """Writes what is left and the script; all files, the script last."""
        for name, kind in list(self._waiting):
            self._flush(self._pair.newer_tables[name], kind)
        return [*self._files.values(), write_script(self._folder, self._files, self._pair)]

    def _flush(self, table: Table, kind: str) -> None:
        slot = (table.full_name, kind)
        waiting, self._waiting[slot] = self._waiting[slot], []
        if not waiting:
            return
        key = self._pair.key(table.full_name)
        if kind == "deleted":
            with self._open(slot, key or ("row",)) as file:
                writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
                writer.writerows(values for values, times in waiting for _ in range(times))
            return
        names = [column.name for column in table.columns]
        columns = sql.SQL(", ").join(sql.Identifier("t", name) for name in names)
        if key:
            query = self._by_key(table, columns, [key for key, _ in waiting])
        else:
            query = self._by_row(table, columns, waiting)
        self._copy(table, slot, query)

    def _by_key(self, table: Table, columns: sql.Composable, keys: Sequence[Sequence[str]]) -> sql.Composable:
        arrays, matches = [], []
        for place, name in enumerate(table.key):
            kind = table.column(name).type
            arrays.append(sql.SQL("{}::text[]").format(sql.Literal([key[place] for key in keys])))
            # Types outside pg_catalog may have their operators anywhere; their text is always comparable.
            match = "{}::text = {}" if "." in kind else "{} = {}::" + kind
            mine, theirs = sql.Identifier("t", name), sql.Identifier("k", f"k{place}")
            matches.append(sql.SQL(match).format(mine, theirs))
        return sql.SQL("SELECT {} FROM {} t JOIN unnest({}) k ({}) ON {}").format(
            columns,
            table.identifier,
            sql.SQL(", ").join(arrays),
            sql.SQL(", ").join(sql.Identifier(f"k{place}") for place in range(len(table.key))),
            sql.SQL(" AND ").join(matches),
        )

    def _by_row(
        self, table: Table, columns: sql.Composable, rows: Sequence[tuple[Sequence[str], int]]
    ) -> sql.Composable:
        older = self._pair.older_tables[table.full_name]
        common = sorted({c.name for c in table.columns} & {c.name for c in older.columns})
        return sql.SQL(
            "SELECT {columns} FROM (SELECT *, {row} AS knowngood_row,"
            " row_number() OVER (PARTITION BY {row}) AS knowngood_n FROM {table}) t"
            " JOIN unnest({rows}::text[], {times}::bigint[]) k (r, n)"
            " ON t.knowngood_row = k.r AND t.knowngood_n <= k.n"
        ).format(
            columns=columns,
            row=row_text(common),
            table=table.identifier,
            rows=sql.Literal([key[0] for key, _ in rows]),
            times=sql.Literal([times for _, times in rows]),
        )

    def _copy(self, table: Table, slot: tuple[str, str], query: sql.Composable) -> None:
        copy = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)").format(query)
        with (
            self._open(slot, [column.name for column in table.columns]) as file,
            self._pair.newer.cursor() as cursor,
        ):
            cursor.copy_expert(copy.as_string(cursor), file)

    def _open(self, slot: tuple[str, str], columns: Sequence[str]) -> IO[Any]:
        name, kind = slot
        if slot not in self._files:
            number = self._numbers.setdefault(name, len(self._numbers) + 1)
            path = self._folder / f"{number:03}_{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}.{kind}.csv"
            path.touch(mode=0o600)
            with path.open("w", encoding="utf-8", newline="") as file:
                csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(columns)
            self._files[slot] = path
        return self._files[slot].open("a", encoding="utf-8", newline="")
