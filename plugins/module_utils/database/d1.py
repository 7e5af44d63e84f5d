"""A D1 database that goes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..cloudflare.d1 import D1
from ..cloudflare.errors import CloudflareError
from ..concurrent import together
from ..journal import Journal
from ..migrate.driver import Driver
from ..migrate.model import MigrationError
from .loss import Loss
from .managed import Earlier, Looked, Rewound, check_limit

__all__ = ["ManagedD1"]

_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' AND name <> 'd1_migrations' ORDER BY name"
)


class ManagedD1:
    """See :class:`Managed`. ``written_at`` maps a table to SQL that says when a row was last written."""

    def __init__(
        self, name: str, d1: D1, driver: Driver, *, written_at: Mapping[str, str], journal: Journal
    ) -> None:
        self.name = name
        self.driver = driver
        self._d1 = d1
        self._written_at = written_at
        self._journal = journal

    def rows(self, sql: str) -> list[dict[str, Any]]:
        try:
            return self._d1.query(sql)
        except CloudflareError as error:
            raise MigrationError(f"D1 refused: {error}") from None

    def applied_at(self) -> dict[str, datetime]:
        rows = self.rows("SELECT name, applied_at FROM d1_migrations")
        return {row["name"]: datetime.fromisoformat(row["applied_at"]).replace(tzinfo=UTC) for row in rows}

    def bookmark(self) -> str:
        return self._d1.bookmark()

    def earlier(self, before: str | None) -> Earlier | None:
        applied = self.applied_at()
        if before not in applied:
            return None
        # The table keeps whole seconds, so the migration came at the beginning of that second or later.
        moment = applied[before] - timedelta(milliseconds=1)
        what = f"Time Travel to {moment:%Y-%m-%d %H:%M:%S} UTC, just before {before} was applied"
        return Earlier(what, self._d1.bookmark(moment), moment.isoformat())

    def at(self, moment: datetime | None) -> Earlier | None:
        if moment is None:
            return None
        what = f"Time Travel to {moment:%Y-%m-%d %H:%M:%S} UTC"
        return Earlier(what, self._d1.bookmark(moment), moment.isoformat())

    def losses(self, earlier: Earlier) -> list[Loss]:
        found = []
        for table in [row["name"] for row in self.rows(_TABLES)]:
            written = self._written_at.get(table)
            source = f'FROM "{table}"'
            if written is None:
                what = f"{table}: at most all rows (written_at does not say when they were written)"
            else:
                # julianday() knows parts of a second, which datetime() drops.
                source += f" WHERE julianday({written}) > julianday('{earlier.moment}')"
                what = f"{table}: rows written since; those deleted since would come back"
            rows = int(self.rows(f"SELECT count(*) AS n {source}")[0]["n"])
            if rows:
                found.append(Loss(table, what, rows, False, f"SELECT * {source}"))
        return found

    def rewind(self, earlier: Earlier, limit: int | None) -> Rewound:
        losses = self.losses(earlier)
        check_limit(losses, limit)
        now = self._d1.bookmark()
        undo = {"bookmark": now}
        self._journal.write("database.rewind", database=self.name, to=earlier.token, undo=undo)
        self._d1.restore(earlier.token)
        return Rewound(undo, losses)

    def undo(self, undo: dict[str, str]) -> None:
        self._journal.write("database.undo", database=self.name, to=undo["bookmark"])
        self._d1.restore(undo["bookmark"])

    def snapshot(self, within: float | None = None) -> None:
        # D1 cannot hold a snapshot open while it is counted, so nothing could be compared with it.
        return None

    def problems(
        self, before: Mapping[str, Any] | None, back_to: str | None, lost: Collection[str]
    ) -> Looked:
        broken, tables = together(self.rows, ("PRAGMA foreign_key_check", _TABLES))
        wrong = [f"{len(broken)} rows refer to rows that are not there"] if broken else []
        if not tables:
            wrong.append("it has no tables")
        return Looked(wrong, [])
