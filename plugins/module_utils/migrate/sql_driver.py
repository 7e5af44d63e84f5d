"""Migrations in SQL files, with the bookkeeping table of the tool that they are for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from ..journal import Journal
from .bookkeeping import Bookkeeping, D1Table, Kept
from .executor import Executor, literal
from .files import read_directory
from .judge import judge, judge_down
from .model import Dirty, Finding, Interrupted, Migration, MigrationError, Status, Step
from .plan import pending_up_to, steps_down, where
from .script import Script, prepare

__all__ = ["SqlDriver"]

_TRIES = 3
_Result = TypeVar("_Result")


class SqlDriver:
    """See ``driver.Driver``."""

    def __init__(
        self,
        directory: Path,
        bookkeeping: Bookkeeping,
        executor: Executor,
        journal: Journal,
        *,
        component: str = "",
        wait: float = 10.0,
    ) -> None:
        self._directory = directory
        self._table = bookkeeping
        self._executor = executor
        self._journal = journal
        self._component = component
        self._wait = wait
        self._migrations: list[Migration] | None = None

    def available(self) -> list[Migration]:
        if self._migrations is None:
            self._migrations = read_directory(
                self._directory, self._table.identify, down_beside=not isinstance(self._table, D1Table)
            )
        return self._migrations

    def status(self) -> Status:
        return self._status(self._kept())

    def _kept(self) -> Kept:
        return self._table.read(self._executor, self.available())

    def _status(self, kept: Kept) -> Status:
        status = where(self.available(), kept.applied, str(self._directory))
        problems = [*status.problems, *kept.problems]
        if kept.dirty:
            problems.insert(0, f"{self._file(kept.dirty)} is half-applied: {kept.way_out}")
        return Status(status.applied, status.pending, kept.dirty, tuple(problems))

    def _file(self, id_: str) -> str:
        return next((migration.file for migration in self.available() if migration.id == id_), id_)

    def judge(self, ids: Iterable[str]) -> list[Finding]:
        return judge(self.available(), ids, self._executor.dialect)

    def plan_down(self, to: str | None) -> list[Step]:
        return [step for step, _ in self._plan(to)]

    def _plan(self, to: str | None) -> list[tuple[Step, Script]]:
        kept = self._kept()
        planned = []
        for migration in steps_down(self.available(), self._status(kept), to):
            assert migration.down is not None
            dialect = self._executor.dialect
            script = prepare(migration.down, dialect, migration.down_file, transaction=migration.transaction)
            findings = judge_down(self.available(), migration, dialect)
            planned.append((Step(migration, tuple(findings), not script.pieces), script))
        if kept.dirty and not (planned and self._continues(kept, *planned[0])):
            raise Dirty(f"{self._file(kept.dirty)} is half-applied: {kept.way_out}")
        return planned

    @staticmethod
    def _continues(kept: Kept, step: Step, script: Script) -> bool:
        """Whether a half-applied migration is the first to go, and its way down can be run over anything."""
        return bool(kept.going) and kept.dirty == step.migration.id and script.repeatable

    def down(self, to: str | None) -> list[str]:
        return self._with_lock(lambda: self._down(to))

    def up(self, to: str | None = None) -> list[str]:
        return self._with_lock(lambda: self._up(to))

    def _with_lock(self, work: Callable[[], _Result]) -> _Result:
        """Do the work while no other runner does. It says what is to be true, so after a lost connection it
        is simply begun again, from what is then there."""
        for left in reversed(range(_TRIES)):
            try:
                with self._executor.exclusive(self._table.locks(self._executor), self._wait):
                    return work()
            except Interrupted:
                if not left:
                    raise
                time.sleep(0.2)
        raise AssertionError("unreachable")

    def _down(self, to: str | None) -> list[str]:
        done = []
        for step, script in self._plan(to):
            migration = step.migration
            applied = self._kept().applied
            remaining = [id_ for id_ in applied if id_ != migration.id]
            note = self._table.remove(migration, remaining[-1] if remaining else None)
            self._run(migration, script, "down", migration.down_file, self._guard(migration), note)
            done.append(migration.id)
        return done

    def _up(self, to: str | None) -> list[str]:
        kept = self._kept()
        if kept.dirty and kept.going != "up":
            raise Dirty(f"{self._file(kept.dirty)} is half-applied: {kept.way_out}")
        status = self._status(kept)
        unfinished = [migration for migration in self.available() if migration.id == kept.dirty]
        planned = []
        for migration in [*unfinished, *pending_up_to(self.available(), status, to)]:
            script = prepare(
                migration.up, self._executor.dialect, migration.file, transaction=migration.transaction
            )
            if migration.id == kept.dirty and not script.repeatable:
                raise Dirty(f"{migration.file} is half-applied: {kept.way_out}")
            planned.append((migration, script))
        if planned:
            self._executor.run(self._table.create(self._executor))
        for migration, script in planned:
            self._run(migration, script, "up", migration.file, "", self._table.add(migration))
        return [migration.id for migration, _ in planned]

    def _guard(self, migration: Migration) -> str:
        """A statement that fails when the migration is no longer applied, so that a second runner, which no
        lock keeps off on D1, never runs a way down twice."""
        if self._executor.dialect == "postgres":
            return ""
        remove = self._table.remove(migration, None)
        condition = remove.removeprefix("DELETE FROM ")
        return (
            f"SELECT json(CASE WHEN EXISTS (SELECT 1 FROM {condition})"  # noqa: S608
            f" THEN '1' ELSE {literal('no longer applied')} END);\n"
        )

    def _run(self, migration: Migration, script: Script, way: str, file: str, guard: str, note: str) -> None:
        fields = {"component": self._component or None, "migration": migration.id, "way": way}
        began = time.monotonic()
        self._journal.write("migration.start", **fields, file=file, transaction=not script.pieces)
        try:
            if script.pieces:
                self._outside(migration, script, way)
                self._executor.run(note)
            else:
                # The line break ends a comment at the end of the script, which would swallow the note.
                self._executor.run(f"{guard}{script.text}\n;\n{note}")
        except MigrationError as error:
            if self._is_done(migration, way, error):
                self._journal.write("migration.end", **fields, ok=True, told="read back")
                return
            self._journal.write(
                "migration.end",
                **fields,
                ok=False,
                error=str(error),
                seconds=round(time.monotonic() - began, 4),
            )
            state = (
                "nothing of it was done"
                if not script.pieces
                else "it may be half done; run it again to go on"
            )
            if isinstance(error, Interrupted):
                state = "what of it was done is not known yet"
            raise type(error)(f"{file} ({migration.id}, {way}): {error}; {state}") from None
        self._journal.write("migration.end", **fields, ok=True, seconds=round(time.monotonic() - began, 4))

    def _is_done(self, migration: Migration, way: str, error: MigrationError) -> bool:
        """Whether what failed, or was not answered, is so all the same: by us, or by another runner."""
        try:
            kept = self._kept()
        except MigrationError:
            return False
        there = migration.id in kept.applied
        return kept.dirty is None and there == (way == "up")

    def _outside(self, migration: Migration, script: Script, way: str) -> None:
        if mark := self._table.begin(migration, way):
            self._executor.run(mark)
        # The parser takes its time to load, and few migrations come here.
        from .postgres_split import index_to_build

        for piece in script.pieces:
            if name := index_to_build(piece):
                # A build that broke off leaves an index that is not used, and IF NOT EXISTS would keep it.
                broken = self._executor.rows(
                    "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid", (name,)
                )
                if broken:
                    self._executor.run_outside(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            self._executor.run_outside(piece)
