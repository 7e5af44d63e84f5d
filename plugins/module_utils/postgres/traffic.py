"""How much was written to each table, as the server counts it.

A transaction's rows are counted after it has become visible, and at the latest when its session ends. So
when all sessions have ended, a table whose count has not moved since before a snapshot holds what that
snapshot sees. Truncating is not counted, but waits for everyone who has read the table.
"""

from __future__ import annotations

from dataclasses import dataclass

from .connect import Connection

__all__ = ["Traffic"]

# Before, counts were sent as datagrams, which may be lost.
_FIRST_RELIABLE = 150000
_ROWS = """
SELECT schemaname || '.' || relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_catalog.pg_stat_all_tables
"""
_SINCE = """
SELECT stats_reset::text FROM pg_catalog.pg_stat_database WHERE datname = pg_catalog.current_database()
"""
_COUNTS = """
SELECT pg_catalog.current_setting('track_counts')::bool AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_db_role_setting, pg_catalog.unnest(setconfig) c
  WHERE pg_catalog.starts_with(c, 'track_counts='))
"""


@dataclass(frozen=True)
class Traffic:
    """``rows`` ever written per table, since the counts were ``reset``; none where the server does not count."""

    rows: dict[str, int]
    reset: str | None

    @classmethod
    def of(cls, connection: Connection) -> Traffic:
        """As it is now; the connection is in no transaction, before and after."""
        connection.autocommit = True
        rows: dict[str, int] = {}
        with connection.cursor() as cursor:
            cursor.execute(_COUNTS)
            if connection.info.server_version >= _FIRST_RELIABLE and (cursor.fetchone() or (False,))[0]:
                cursor.execute(_ROWS)
                rows = dict(cursor.fetchall())
            cursor.execute(_SINCE)
            (reset,) = cursor.fetchone() or (None,)
        connection.autocommit = False
        return cls(rows, reset)

    def idle_since(self, then: Traffic) -> frozenset[str]:
        """The tables that were not written to since."""
        if self.reset != then.reset:
            return frozenset()
        return frozenset(name for name, rows in self.rows.items() if then.rows.get(name) == rows)
