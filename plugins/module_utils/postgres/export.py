"""Rows that going back would lose, as CSV files, with a psql script that puts them back."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from psycopg2 import sql

from .catalog import Table
from .compare import Pair
from .connect import Connection
from .fingerprint import row_text
from .keys import Key, of_keys
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
        self._waiting: dict[tuple[str, str], list[tuple[Sequence[str], int]]] = defaultdict(list)
        self._numbers: dict[str, int] = {}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def __call__(self, table: Table, kind: str, key: Sequence[str], times: int) -> None:
        slot = (table.full_name, kind)
        if kind == "table":
            self._copy(table, (table.full_name, "inserted"), sql.SQL("TABLE {}").format(table.own_rows))
            return
        self._waiting[slot].append((key, times))
        if len(self._waiting[slot]) >= _BATCH:
            self._flush(table, kind)

    def move_on(self, pair: Pair) -> None:
        """From now on rows are read at a later snapshot."""
        self._write()
        self._pair = pair

    def take_back(self, earlier: Connection, table: Table, kind: str, keys: Sequence[Key]) -> None:
        """Takes rows out again that are written already; ``earlier`` still sees them as they were then."""
        slot = (table.full_name, kind)
        if not keys:
            return
        self._write()
        unwanted = set(keys) if kind == "deleted" else _as_copied(earlier, table, self._pair, keys)
        path = self._files[slot]
        rest = path.with_suffix(".rest")
        rest.touch(mode=0o600)
        kept = 0
        with (
            path.open(encoding="utf-8", newline="\n") as old,
            rest.open("w", encoding="utf-8", newline="") as new,
        ):
            records = _records(old)
            header, columns = next(records)
            places = [columns.index(name) for name in self._pair.key(table.full_name)]
            new.write(header)
            for record, values in records:
                if tuple(values[place] for place in places) not in unwanted:
                    new.write(record)
                    kept += 1
        rest.replace(path)
        if not kept:
            self._remove(slot)

    def forget(self, name: str) -> None:
        """Drops all that is there of a table."""
        for slot in [slot for slot in {*self._files, *self._waiting} if slot[0] == name]:
            self._waiting.pop(slot, None)
            if slot in self._files:
                self._remove(slot)

    def finish(self) -> list[Path]:
        """Writes what is left and the script; all files, the script last."""
        self._write()
        return [*self._files.values(), write_script(self._folder, self._files, self._pair)]

    def _write(self) -> None:
        for name, kind in list(self._waiting):
            self._flush(self._pair.newer_tables[name], kind)

    def _remove(self, slot: tuple[str, str]) -> None:
        self._files.pop(slot).unlink()

    def _flush(self, table: Table, kind: str) -> None:
        slot = (table.full_name, kind)
        waiting = self._waiting.pop(slot, [])
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
            source = of_keys(table, key, [values for values, _ in waiting])
            query: sql.Composable = sql.SQL("SELECT {} FROM {}").format(columns, source)
        else:
            query = self._by_row(table, columns, waiting)
        self._copy(table, slot, query)

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
            table=table.own_rows,
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


def _as_copied(connection: Connection, table: Table, pair: Pair, keys: Sequence[Key]) -> Collection[Key]:
    """The keys as COPY writes them, which for some types is not how a cast to text does."""
    names = pair.key(table.full_name)
    values = sql.SQL(", ").join(
        sql.SQL("pg_catalog.format('%s', {})").format(sql.Identifier("t", name)) for name in names
    )
    found: set[Key] = set()
    for start in range(0, len(keys), _BATCH):
        source = of_keys(table, names, keys[start : start + _BATCH])
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT {} FROM {}").format(values, source))
            found.update(cursor.fetchall())
    return found


def _records(file: IO[str]) -> Iterator[tuple[str, list[str]]]:
    """Each record as it stands (a missing value and an empty one read alike), and its values."""
    record = ""
    for line in file:
        record += line
        # Every value is quoted, so inside of one there is an odd number of quotes so far.
        if record.count('"') % 2 == 0:
            yield record, next(csv.reader([record]))
            record = ""
