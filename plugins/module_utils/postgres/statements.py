"""The mean time of all statements over a run, where the server counts them (S56)."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

from .checks import PASS, Check
from .connect import Connection

__all__ = ["Statements", "mean_since", "statements"]

_WHERE = """
SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'
"""
_TOTAL = """
SELECT d.oid::bigint, coalesce(sum(s.calls), 0)::bigint, coalesce(sum(s.total_exec_time), 0)::float8
FROM pg_catalog.pg_database d LEFT JOIN {}.pg_stat_statements s ON s.dbid = d.oid
WHERE d.datname = pg_catalog.current_database() GROUP BY 1
"""


@dataclass(frozen=True)
class Statements:
    """What ``pg_stat_statements`` counts of the database ``oid``: how many, and how long they took in all."""

    oid: int
    calls: int
    ms: float


def statements(connection: Connection) -> Statements | None:
    """``None`` where the extension is not in the database, not loaded by the server, or not for us to read."""
    with connection.cursor() as cursor:
        cursor.execute(_WHERE)
        found = cursor.fetchone()
        if found is None:
            return None
        cursor.execute("SAVEPOINT knowngood_statements")
        try:
            cursor.execute(sql.SQL(_TOTAL).format(sql.Identifier(found[0])))
            return Statements(*(cursor.fetchone() or (0, 0, 0.0)))
        except psycopg2.Error:
            if connection.closed:
                raise
            return None
        finally:
            if not connection.closed:
                cursor.execute("ROLLBACK TO SAVEPOINT knowngood_statements")


def mean_since(before: Statements | None, now: Statements | None) -> Check | None:
    """A note, never a fault: the figure is of everything that ran, and nobody set a limit for that.

    ``None`` where nothing can be told: not counted, counted anew, or of another database by that name.
    """
    if before is None or now is None or before.oid != now.oid:
        return None
    calls, ms = now.calls - before.calls, now.ms - before.ms
    if calls <= 0 or ms < 0:
        return None
    data = {"mean_ms": round(ms / calls, 3), "n": calls}
    detail = f"{ms / calls:.2f} ms on average for the {calls} statements since, our own among them"
    return Check("statements", PASS, detail, data)
