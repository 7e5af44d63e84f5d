"""Is this the right database, whole, and does it answer? In one read-only transaction, as data.

A database is looked at before a rollback (:func:`snapshot`) and after it (:func:`check`). What cannot be
told is inconclusive; nothing passes on an empty database or on another than the declared one.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from ..journal import Journal
from . import checks
from .catalog import tables
from .checks import FAIL, INCONCLUSIVE, PASS, Check
from .connect import LOCK_TIMEOUT, Connection, Identity, Server, check_identity, identity, session
from .errors import DatabaseError, in_words
from .fingerprint import Fingerprint
from .held import Held, countable, hurry, is_held, leaving_out
from .sqlchecks import evaluate, run_files
from .statements import Statements, mean_since, statements

__all__ = ["Audit", "Expected", "Snapshot", "check", "snapshot"]

_Z95 = 1.96
_FEWEST = 5
_BUDGET = 10.0
# Seconds to wait for a lock where not everything has to be looked at.
_GLANCE = 1.0


@dataclass(frozen=True)
class Audit:
    """Where the audit trail is: a table, its growing number, its time. Nothing else of it is ever read."""

    table: str
    number: str = "id"
    time: str = "created_at"
    schema: str = "public"
    last: int = 10


@dataclass(frozen=True)
class Snapshot:
    """What a database was. ``trail`` are (number, time) of the newest audit rows, newest first.

    ``statements`` is what ran in it so far, where the server counts that. ``left_out`` says of every table that
    could not be read why.
    """

    taken_at: str
    database: str
    system_identifier: str | None
    tables: tuple[Fingerprint, ...]
    trail: tuple[tuple[str, str], ...]
    statements: Statements | None = None
    left_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Snapshot:
        return cls(
            taken_at=told["taken_at"],
            database=told["database"],
            system_identifier=told["system_identifier"],
            tables=tuple(Fingerprint(**table) for table in told["tables"]),
            trail=tuple((number, at) for number, at in told["trail"]),
            statements=Statements(**told["statements"]) if told["statements"] else None,
            left_out=tuple(told["left_out"]),
        )


@dataclass(frozen=True)
class Expected:
    """What is held against a database; all but ``name`` may be left out.

    ``quiet``: nobody wrote since ``before``, so counts and content must be equal. ``back_to``: the moment to
    which the database went back; audit rows from after it are known to be lost. ``besides``: tables
    (``schema.name``) that are meant to differ. ``sentinel``: a query and what its one value must be.
    ``queries``: the fixed set whose mean time must be under ``limit_ms``; the first rows of each table by
    primary key when none are given.
    """

    name: str
    system_identifier: str | None = None
    host: str | None = None
    before: Snapshot | None = None
    quiet: bool = False
    back_to: datetime | None = None
    besides: frozenset[str] = frozenset()
    audit: Audit | None = None
    sentinel: tuple[str, str] | None = None
    queries: Sequence[str] = ()
    limit_ms: float = 100.0
    runs: int = 20
    sql_checks: Path | None = None
    content: bool = field(default=True)


def snapshot(
    server: Server,
    *,
    audit: Audit | None = None,
    content: bool = True,
    timeout: float = 600.0,
    within: float | None = None,
) -> Snapshot:
    """The database as it is now. Raises DatabaseError.

    With ``within`` only what can be read in so many seconds: tables that others hold, and what takes longer, are
    left out. Without it all of it is read, or an error raised.
    """
    patience = LOCK_TIMEOUT if within is None else _GLANCE
    until = None if within is None else time.monotonic() + within
    with session(server, read_only=True, statement_timeout=timeout, lock_timeout=patience) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        who = identity(connection, server)
        counted, left_out = countable(connection, content=content, until=until)
        trail: tuple[tuple[str, str], ...] = ()
        if audit is not None:
            try:
                with leaving_out(connection, until):
                    trail = _trail(connection, audit)
            except Held as why:
                left_out[f"{audit.schema}.{audit.table}"] = str(why)
        if left_out and within is None:
            raise DatabaseError(f"{server}: {'; '.join(_sentences(left_out))}")
        return Snapshot(
            taken_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            database=who.name,
            system_identifier=who.system_identifier,
            tables=tuple(counted),
            trail=trail,
            statements=statements(connection),
            left_out=tuple(_sentences(left_out)),
        )


def _sentences(left_out: Mapping[str, str]) -> list[str]:
    return [f"{name} could not be read: {why}" for name, why in left_out.items()]


def check(server: Server, expected: Expected, *, journal: Journal, timeout: float = 600.0) -> list[Check]:
    """All checks; of a database that cannot be reached or is another one only that."""
    done: list[Check] = []

    def note(result: Check) -> None:
        done.append(result)
        journal.write("postgres.check", database=server.name, **asdict(result))

    began = time.monotonic()
    try:
        with session(server, read_only=True, statement_timeout=timeout) as connection:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            who = identity(connection, server)
            took = round((time.monotonic() - began) * 1000, 1)
            note(Check("connection", PASS, f"answered in {took} ms", {"ms": took}))
            note(_identity(who, expected))
            if done[-1].verdict == PASS:
                for name, work in _all(connection, expected):
                    for result in _guarded(connection, name, work):
                        note(result)
    except DatabaseError as error:
        note(Check("connection", FAIL, str(error)))
    return done


def _all(
    connection: Connection, expected: Expected
) -> Iterable[tuple[str, Callable[[], Check | list[Check]]]]:
    now: list[Fingerprint] = []
    besides = set(expected.besides)
    before = expected.before

    def filled() -> Check:
        exact = expected.content and expected.quiet and before is not None
        counted, left_out = countable(connection, content=exact)
        now.extend(counted)
        besides.update(left_out)
        return checks.held("filled", "; ".join(_sentences(left_out))) if left_out else checks.filled(now)

    yield "filled", filled
    yield "constraints", lambda: checks.constraints(connection)
    yield "foreign_keys", lambda: checks.foreign_keys(connection)
    yield "indexes", lambda: checks.indexes(connection)
    yield "sequences", lambda: checks.sequences(connection)
    if before is not None:
        then = before.tables
        yield "rows", lambda: checks.rows(then, now, exact=expected.quiet, besides=besides)
        if expected.quiet and expected.content:
            yield "content", lambda: checks.content(then, now, besides=besides)
    audit, sentinel, folder = expected.audit, expected.sentinel, expected.sql_checks
    if audit is not None:
        yield "audit_trail", lambda: _audit_trail(connection, audit, before, expected.back_to)
    if sentinel is not None:
        yield "sentinel", lambda: evaluate(connection, "sentinel", sentinel[0], f"value = {sentinel[1]}")
    yield "latency", lambda: _latency(connection, expected)
    if before is not None and before.statements is not None:
        counted = before.statements
        yield "statements", lambda: mean_since(counted, statements(connection)) or []
    if folder is not None:
        yield "sql", lambda: run_files(connection, folder)


def _guarded(connection: Connection, name: str, work: Callable[[], Check | list[Check]]) -> list[Check]:
    """A check that cannot be made is a failed one, unless somebody else's lock is in its way."""
    try:
        result = work()
    except psycopg2.Error as error:
        if connection.closed:
            raise
        connection.rollback()
        if not is_held(error):
            return [Check(name, FAIL, in_words(error))]
        hurry(connection)
        connection.commit()
        return [checks.held(name, in_words(error))]
    return result if isinstance(result, list) else [result]


def _identity(found: Identity, expected: Expected) -> Check:
    data = {
        "database": found.name,
        "system_identifier": found.system_identifier,
        "primary": found.is_primary,
        "server_version": found.server_version,
    }
    before = expected.before
    known = expected.system_identifier or (before.system_identifier if before else None)
    try:
        check_identity(found, name=expected.name, system_identifier=known, host=expected.host)
    except DatabaseError as error:
        return Check("identity", FAIL, str(error), data)
    return Check("identity", PASS, f"{found.name} on {found.host}, the primary", data)


def _trail(connection: Connection, audit: Audit, numbers: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    query = sql.SQL(
        "SELECT t.{number}::text, t.{time}::text FROM {table} t {which} ORDER BY t.{number} DESC LIMIT {last}"
    )
    which = sql.SQL("WHERE {}::text = ANY ({})").format(
        sql.Identifier("t", audit.number), sql.Literal(list(numbers))
    )
    with connection.cursor() as cursor:
        cursor.execute(
            query.format(
                number=sql.Identifier(audit.number),
                time=sql.Identifier(audit.time),
                table=sql.Identifier(audit.schema, audit.table),
                which=which if numbers else sql.SQL(""),
                last=sql.Literal(audit.last),
            )
        )
        return tuple(cursor.fetchall())


def _audit_trail(
    connection: Connection, audit: Audit, before: Snapshot | None, back_to: datetime | None
) -> Check:
    """The rows that were the newest are still there, with their times; nothing is dated in the future."""
    name, newest = "audit_trail", _trail(connection, audit)
    data: dict[str, Any] = {"newest": list(newest)}
    if not newest:
        return Check(name, FAIL, f"{audit.schema}.{audit.table} is empty", data)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz > pg_catalog.clock_timestamp()", (newest[0][1],))
        if (cursor.fetchone() or (True,))[0]:
            return Check(
                name, FAIL, f"its newest row, {newest[0][0]}, is from the future: {newest[0][1]}", data
            )
    if before is None or not before.trail:
        return Check(name, INCONCLUSIVE, "nothing from before to hold it against", data)
    then = dict(before.trail)
    there = dict(_trail(connection, audit, list(then)))
    gone = [number for number in then if there.get(number) != then[number]]
    expected = [n for n in gone if back_to is not None and _moment(then[n]) > back_to]
    data |= {"gone": gone, "gone_as_expected": expected}
    if len(gone) > len(expected):
        missing = ", ".join(number for number in gone if number not in expected)
        return Check(name, FAIL, f"rows that were there are gone or have another time: {missing}", data)
    detail = f"the newest {len(then)} rows from before are there"
    if expected:
        detail = f"{len(expected)} of the newest {len(then)} rows are from after the moment gone back to"
    return Check(name, PASS, f"{detail}; newest now {newest[0][0]} at {newest[0][1]}", data)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _latency(connection: Connection, expected: Expected) -> Check:
    """Mean of a fixed set of queries with its 95 % confidence interval."""
    queries: Sequence[str | sql.Composable] = expected.queries or checks.lookups(tables(connection))
    if not queries:
        return Check("latency", INCONCLUSIVE, "no table has a primary key to look up rows by")
    samples = []
    with connection.cursor() as cursor:
        if expected.queries:
            cursor.execute("SET LOCAL search_path TO DEFAULT")
        deadline = time.monotonic() + _BUDGET
        for turn in range(expected.runs + 1):
            for query in queries if time.monotonic() < deadline else ():
                began = time.perf_counter()
                cursor.execute(query)
                cursor.fetchall()
                if turn:
                    samples.append((time.perf_counter() - began) * 1000)
        cursor.execute("SET LOCAL search_path TO ''")
    if len(samples) < _FEWEST:
        return Check("latency", INCONCLUSIVE, f"only {len(samples)} queries ended within {_BUDGET:.0f} s")
    mean = statistics.fmean(samples)
    half = _Z95 * statistics.stdev(samples) / math.sqrt(len(samples))
    data = {"mean_ms": round(mean, 3), "interval_ms": round(half, 3), "n": len(samples)}
    detail = f"{mean:.2f} ms ± {half:.2f} (95 %, n={len(samples)}), limit {expected.limit_ms:.0f} ms"
    if mean + half < expected.limit_ms:
        return Check("latency", PASS, detail, data)
    verdict = FAIL if mean - half >= expected.limit_ms else INCONCLUSIVE
    return Check("latency", verdict, detail, data)
