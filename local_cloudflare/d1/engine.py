"""One open database: SQLite under D1's rules, each committed transaction recorded in its history.

Everything but `cancel` is called from one thread, because D1 runs the queries of a database one by one.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_cloudflare.d1 import rules, wal
from local_cloudflare.d1.history import History, HistoryError, Moment
from local_cloudflare.d1.rules import SqlError
from local_cloudflare.d1.sql import identifier, literal, statements

DATA = "data.sqlite"
HISTORY = "history.sqlite"
_CHECK_EVERY = 20_000  # steps of SQLite's virtual machine, some milliseconds


@dataclass(frozen=True)
class Statement:
    """One SQL statement and the values of its parameters."""

    sql: str
    params: Sequence[Any] = ()


@dataclass(frozen=True)
class Result:
    """Rows of one statement, and what D1 tells about its execution (`meta`, times in ms, sizes in bytes)."""

    columns: list[str]
    rows: list[tuple[Any, ...]]
    meta: dict[str, Any]


@dataclass(frozen=True)
class Restored:
    """The moments before and after a restore."""

    before: Moment
    after: Moment


class Engine:
    """Opens (and creates) the database in `folder`. `clock` gives seconds since 1970."""

    def __init__(self, folder: Path, uuid: str, clock: Callable[[], float] = time.time) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._data = folder / DATA
        self._log = folder / f"{DATA}-wal"
        self._cancelled: str | None = None
        self._deadline: float | None = None
        self._own = True
        if not self._data.exists():
            self._connect().close()
        self._history = History(folder / HISTORY, self._data, uuid, clock)
        self._db = self._connect()
        self.tables = 0
        self._record()
        self._count_tables()

    @property
    def moment(self) -> Moment:
        """The present moment."""
        return self._history.last

    @property
    def size(self) -> int:
        """Bytes of the database."""
        return self._data.stat().st_size

    def at(self, seconds: float) -> Moment:
        """The newest moment at or before a time in seconds since 1970. Raises HistoryError."""
        return self._history.at(seconds)

    def run(self, batch: Sequence[Statement], seconds: float = rules.QUERY_SECONDS) -> list[Result]:
        """Executes statements in one transaction: all or none. Raises SqlError."""
        with self._work(seconds):
            return [self._execute(statement) for statement in batch]

    def run_script(self, text: str) -> tuple[int, dict[str, Any]]:
        """Executes a script of any length in one transaction; how many statements, and `meta`."""
        started, before, count = time.perf_counter(), self._db.total_changes, 0
        with self._work(None):
            for sql in statements(text):
                self._step(sql, ())
                count += 1
        changes = self._db.total_changes - before
        return count, self._meta(started, changes, 0, changes, changed=True)

    def dump(self, *, schema: bool, data: bool, tables: Sequence[str]) -> Iterator[str]:
        """The database as SQL, line by line, as `wrangler d1 export` gives it. Raises SqlError."""
        with self._work(None):
            yield "PRAGMA defer_foreign_keys=TRUE;"
            chosen = set(tables)
            # sqlite_sequence has to come after the tables that make it.
            for name, sql in self._db.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND sql IS NOT NULL"
                " ORDER BY name = 'sqlite_sequence', rowid"
            ).fetchall():
                if chosen and name not in chosen:
                    continue
                if sql.upper().startswith("CREATE VIRTUAL TABLE"):
                    raise SqlError("D1 Export error: cannot export databases with Virtual Tables (fts5)")
                if name == "sqlite_sequence":
                    if schema:
                        yield "DELETE FROM sqlite_sequence;"
                elif name.startswith("sqlite_"):
                    continue
                elif schema:
                    yield f"{sql};"
                if data:
                    yield from self._rows(name)
            if schema:
                for name, sql in self._db.execute(
                    "SELECT tbl_name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger', 'view')"
                    " AND sql IS NOT NULL ORDER BY type COLLATE NOCASE, rowid"
                ).fetchall():
                    if not chosen or name in chosen:
                        yield f"{sql};"

    def restore(self, target: Callable[[History], Moment]) -> Restored:
        """Takes the whole database back. Raises HistoryError, also when the limit of restores is reached."""
        moment = target(self._history)
        if self._history.restores_left() <= 0:
            raise HistoryError("Too many restores: at most 10 per 10 minutes and database.")
        before = self._history.last
        self._db.close()
        try:
            after = self._history.restore(moment)
        finally:
            self._db = self._connect()
        self._count_tables()
        return Restored(before, after)

    def cancel(self, reason: str) -> None:
        """Ends what is being executed, with `reason` as its error. Called from any thread."""
        self._cancelled = reason

    def ready(self) -> None:
        """Forgets a cancellation, which is meant for what was running when it came."""
        self._cancelled = None

    def close(self) -> None:
        self._db.close()
        self._history.close()

    def _connect(self) -> sqlite3.Connection:
        # Without a cache every statement is asked of the authorizer, ours and theirs apart.
        db = sqlite3.connect(self._data, isolation_level=None, check_same_thread=False, cached_statements=0)
        self._own = True
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        # OFF survives a killed process (not a power cut), which is what is promised here. The log is emptied
        # after each transaction, when the history has it.
        for pragma in (
            "journal_mode = WAL",
            "synchronous = OFF",
            "wal_autocheckpoint = 0",
            "foreign_keys = ON",
        ):
            db.execute(f"PRAGMA {pragma}").fetchall()
        for limit, value in rules.LIMITS.items():
            db.setlimit(limit, value)
        db.set_authorizer(self._authorize)
        db.set_progress_handler(self._interrupted, _CHECK_EVERY)
        return db

    def _authorize(self, action: int, first: str | None, second: str | None, *_: str | None) -> int:
        fine = self._own or rules.allowed(action, first, second)
        return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY

    def _interrupted(self) -> bool:
        return self._cancelled is not None or (
            self._deadline is not None and time.monotonic() > self._deadline
        )

    @contextmanager
    def _work(self, seconds: float | None) -> Iterator[None]:
        """A transaction around a block: committed at its end, rolled back by what it raises."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._db.execute("BEGIN")
        try:
            yield
            self._db.execute("COMMIT")
        except Exception as error:
            raise self._failure(error) from None
        finally:
            self._deadline = None
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._record()

    def _failure(self, error: Exception) -> SqlError:
        if self._cancelled is not None:
            return SqlError(self._cancelled)
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
            return SqlError("D1 DB exceeded its CPU time limit and was reset.")
        return rules.refusal(error)

    def _record(self) -> None:
        """Takes what was just committed into the history; also what a killed process did not."""
        changes = wal.committed(self._log, self._history.last.position)
        if changes is None:
            return
        self._history.record(changes)
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._count_tables()

    def _count_tables(self) -> None:
        (self.tables,) = self._db.execute(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'"
        ).fetchone()

    def _step(self, sql: str, params: Sequence[Any]) -> sqlite3.Cursor:
        rules.check_statement(sql)
        if self._cancelled is not None:
            raise SqlError(self._cancelled)
        self._own = False
        try:
            return self._db.execute(sql, params)
        finally:
            self._own = True

    def _execute(self, statement: Statement) -> Result:
        before = self._state()
        started = time.perf_counter()
        cursor = self._step(statement.sql, statement.params)
        rows = cursor.fetchall()
        changes = self._db.total_changes - before[0]
        changed = self._state() != before
        columns = [column[0] for column in cursor.description or ()]
        return Result(columns, rows, self._meta(started, changes, len(rows), changes, changed=changed))

    def _state(self) -> tuple[int, int]:
        (schema,) = self._db.execute("PRAGMA schema_version").fetchone()
        return self._db.total_changes, schema

    def _meta(
        self, started: float, changes: int, read: int, written: int, *, changed: bool
    ) -> dict[str, Any]:
        duration = round((time.perf_counter() - started) * 1000, 4)
        row_id, pages, page_size = self._db.execute(
            "SELECT last_insert_rowid(), page_count, page_size FROM pragma_page_count, pragma_page_size"
        ).fetchone()
        return {
            "served_by": "local-cloudflare",
            "served_by_region": "WEUR",
            "served_by_colo": "LOC",
            "served_by_primary": True,
            "timings": {"sql_duration_ms": duration},
            "duration": duration,
            "changes": changes,
            "last_row_id": row_id,
            "changed_db": changed,
            "size_after": pages * page_size,
            "rows_read": read,
            "rows_written": written,
            "total_attempts": 1,
        }

    def _rows(self, table: str) -> Iterator[str]:
        # table_info leaves generated columns out, which cannot be inserted.
        info = self._db.execute(f"PRAGMA table_info({identifier(table)})").fetchall()
        columns = ",".join(identifier(row[1]) for row in info)
        head = f"INSERT INTO {identifier(table)} ({columns}) VALUES("
        for row in self._db.execute(f"SELECT {columns} FROM {identifier(table)}"):  # noqa: S608
            yield head + ",".join(map(literal, row)) + ");"
