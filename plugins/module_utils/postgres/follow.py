"""A comparison that is kept up with a database while it is written on.

Comparing takes as long as the databases are large, and an application cannot be held off for so long. So
the whole is compared while it goes on writing, and then only what was written since; the last time behind a
fence, when the figures become final. What cannot be followed exactly is compared as a whole once more, and
the journal says so.

All connections are opened before the fence goes up: a closed database lets nobody in, but ``pids`` are
spared.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..journal import Journal
from .catalog import Table, tables
from .compare import Difference, Pair, Plan, compare, compare_table
from .connect import Connection, Server, session
from .export import Export
from .keys import Key, Row, rows_of_keys
from .traffic import Traffic
from .written import Unsure, Window, Written, written

__all__ = ["Following", "follow"]

# Before these, a parallel worker could not start in a closed database: the last release of each without it.
_NO_WORKERS_BEHIND_A_FENCE = {14: 140015, 15: 150010, 16: 160006, 17: 170002}


@dataclass(frozen=True)
class _Look:
    """The databases at one moment."""

    pair: Pair
    window: Window
    traffic: Traffic
    enums: str


class Following:
    """``found`` is the difference at the last look, as :func:`compare` gives it; ``older`` does not change.

    With ``keep`` the rows that would be lost are exported below that folder.
    """

    def __init__(
        self,
        stack: ExitStack,
        newer: Server,
        older: Server,
        keep: Path | None,
        besides: Collection[str],
        journal: Journal,
        timeout: float,
    ) -> None:
        self._opened = stack
        self._newer = newer
        self._besides = besides
        self._journal = journal
        self._timeout = timeout
        self._older = _frozen(self._open(older))
        self._older_tables = self._tables(self._older)
        self._look = self._look_with(self._open(newer))
        self._spare = self._open(newer)
        self._export = Export(self._look.pair, keep) if keep is not None else None
        self.found = compare(self._look.pair, sink=self._export)

    @property
    def pids(self) -> list[int]:
        """Our sessions in the newer database, which a fence has to let be."""
        return [self._look.pair.newer.info.backend_pid, self._spare.info.backend_pid]

    def catch_up(self, *, fenced: bool = False) -> list[Difference]:
        """Take in what was written since the last look. ``fenced``: nobody else is in the database any more.

        Raises psycopg2.Error.
        """
        began = time.monotonic()
        before, now = self._look, self._look_with(self._spare)
        if fenced:
            for connection in (before.pair.newer, now.pair.newer):
                _without_workers(connection)
        if self._export is not None:
            self._export.move_on(now.pair)
        whole: dict[str, str] = {}
        found = {each.full_name: each for each in self.found}
        # What is counted when a transaction ends is only complete when nobody is there any more.
        idle = now.traffic.idle_since(before.traffic) if fenced else frozenset()
        for name in now.pair.names:
            try:
                found[name] = self._follow(name, before, now, found.get(name), name in idle)
            except Unsure as unsure:
                whole[name] = str(unsure)
                if self._export is not None:
                    self._export.forget(name)
                found[name] = compare_table(now.pair, name, sink=self._export)
        for name in found.keys() - set(now.pair.names):
            del found[name]
            if self._export is not None:
                self._export.forget(name)
        self.found = [found[name] for name in now.pair.names]
        self._look = now
        if not fenced:
            before.pair.newer.close()
            self._spare = self._open(self._newer)
        self._journal.write(
            "postgres.compare.caught_up",
            database=self._newer.name,
            fenced=fenced,
            untouched=len(idle & set(now.pair.names)),
            compared_whole=whole,
            seconds=round(time.monotonic() - began, 4),
        )
        return self.found

    def finish(self) -> list[Path]:
        """Ends our sessions, so that the database can be renamed; the files of the export, if there is one."""
        files = self._export.finish() if self._export is not None else []
        self._opened.close()
        return files

    def _follow(
        self, name: str, before: _Look, now: _Look, found: Difference | None, idle: bool
    ) -> Difference:
        if name not in now.pair.newer_tables and name not in before.pair.newer_tables and found is not None:
            return found
        table = now.pair.newer_tables.get(name)
        if found is None or table is None or not _alike(table, before.pair.newer_tables.get(name)):
            raise Unsure("the table itself was changed")
        if now.enums != before.enums:
            raise Unsure("an enumeration was changed, and values may read differently")
        if idle:
            return found
        before.window.refuse_older_than(now.pair.newer)
        plan = Plan.of(now.pair, name) if found.only_in is None else Plan([], [], (), 1)
        wrote = written(
            before.pair.newer, now.pair.newer, table, plan, before.window, rows_before=found.newer_rows
        )
        if not wrote.came and not wrote.went:
            return found
        if found.only_in is not None:
            raise Unsure("only the newer database has it, so all of it counts")
        if not plan.key:
            raise Unsure("it has no primary key by which its rows could be told apart")
        return self._add(name, table, plan, before, now, found, wrote)

    def _add(
        self,
        name: str,
        table: Table,
        plan: Plan,
        before: _Look,
        now: _Look,
        found: Difference,
        wrote: Written,
    ) -> Difference:
        """Counts the rows that were written as they were then out of the difference, and as they are now in."""
        # The newer look has a row of the same key only as a new version.
        went = [key for key in wrote.gone if key not in wrote.new]
        keys = [*wrote.new, *went]
        then = rows_of_keys(
            before.pair.newer, table, plan.key, keys, columns=plan.columns, counted=plan.dropped
        )
        there = rows_of_keys(self._older, self._older_tables[name], plan.key, keys, columns=plan.columns)
        counts = {"inserted": found.inserted, "changed": found.changed, "deleted": found.deleted}
        dropped = dict(found.dropped)
        out: dict[str, list[Key]] = {kind: [] for kind in counts}
        into: list[tuple[str, Key]] = []
        for key in keys:
            was, is_ = (_kind(side.get(key), there.get(key)) for side in (then, wrote.new))
            if was is not None:
                counts[was] -= 1
                out[was].append(key)
            if is_ is not None:
                counts[is_] += 1
                into.append((is_, key))
            for side, sign in ((then, -1), (wrote.new, 1)):
                for column, filled in zip(plan.dropped, side[key][1] if key in side else (), strict=False):
                    dropped[column] += sign * filled
        if self._export is not None:
            for kind, unwanted in out.items():
                self._export.take_back(before.pair.newer, table, kind, unwanted)
            for kind, key in into:
                self._export(table, kind, key, 1)
        return replace(
            found,
            newer_rows=wrote.rows,
            inserted=counts["inserted"],
            changed=counts["changed"],
            deleted=counts["deleted"],
            dropped=dropped,
        )

    def _look_with(self, connection: Connection) -> _Look:
        # Read before the snapshot, so that whoever writes after the snapshot is counted later.
        traffic = Traffic.of(connection)
        _frozen(connection)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_catalog.md5(pg_catalog.string_agg(oid || ' ' || enumlabel, ',' ORDER BY oid))"
                " FROM pg_catalog.pg_enum"
            )
            (enums,) = cursor.fetchone() or ("",)
        pair = Pair(connection, self._older, self._tables(connection), self._older_tables)
        return _Look(pair, Window.of(connection), traffic, enums)

    def _tables(self, connection: Connection) -> dict[str, Table]:
        return {each.full_name: each for each in tables(connection) if each.name not in self._besides}

    def _open(self, server: Server) -> Connection:
        return self._opened.enter_context(session(server, read_only=True, statement_timeout=self._timeout))


@contextmanager
def follow(
    newer: Server,
    older: Server,
    *,
    journal: Journal,
    keep: Path | None = None,
    besides: Collection[str] = (),
    timeout: float = 3600.0,
) -> Iterator[Following]:
    """Compares two databases, and can go on from there. Tables called as in ``besides`` are left out.

    Raises DatabaseError.
    """
    with ExitStack() as stack:
        yield Following(stack, newer, older, keep, besides, journal, timeout)


def _frozen(connection: Connection) -> Connection:
    """From its next statement on it sees one moment."""
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    return connection


def _without_workers(connection: Connection) -> None:
    version = connection.info.server_version
    if version <= _NO_WORKERS_BEHIND_A_FENCE.get(version // 10000, 0):
        connection.cursor().execute("SET LOCAL max_parallel_workers_per_gather = 0")


def _alike(now: Table, then: Table | None) -> bool:
    return then is not None and replace(now, estimate=then.estimate) == then


def _kind(newer: Row | None, older: Row | None) -> str | None:
    if newer is None:
        return None if older is None else "deleted"
    if older is None:
        return "inserted"
    return None if newer[0] == older[0] else "changed"
