"""A PostgreSQL database that goes back: restored beside itself from a proved backup, then swapped by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..journal import Journal
from ..migrate.driver import Driver
from ..migrate.postgres_executor import PostgresExecutor
from ..postgres import backup as backups
from ..postgres import fence, integrity, restore, swap
from ..postgres.checks import FAIL, Check
from ..postgres.compare import Difference, compare, open_pair
from ..postgres.connect import Server, check_identity, identity, session
from ..postgres.errors import BackupRefused, DatabaseError
from ..postgres.follow import follow
from ..postgres.proof import prove
from ..postgres.tools import Tools, find
from .loss import Loss
from .managed import Earlier, Looked, Rewound, check_limit

__all__ = ["ManagedPostgres", "newest_backup"]

_APPLIED_AT = "SELECT id, applied_at FROM knowngood_migrations WHERE applied_at IS NOT NULL"
_BOOKKEEPING = "SELECT to_regclass('knowngood_migrations') IS NOT NULL"
# What the drivers keep account in goes back with the schema: it is no loss, and must never be put back.
_ACCOUNTS = ("knowngood_migrations", "schema_migrations", "alembic_version")


class ManagedPostgres:
    """See :class:`Managed`. ``folder`` holds backups that our own ``backup.make`` made; ages in seconds.

    ``layout`` and ``jobs`` as ``backup.make`` takes them.
    """

    def __init__(
        self,
        name: str,
        server: Server,
        executor: PostgresExecutor,
        driver: Driver,
        *,
        declared_identity: dict[str, Any],
        folder: Path | None,
        max_age: float,
        layout: str,
        jobs: int,
        tools: Path | None,
        checks: Mapping[str, Any],
        keep: Path,
        journal: Journal,
    ) -> None:
        self.name = name
        self.driver = driver
        self._server = server
        self._executor = executor
        self._folder = folder
        self._max_age = max_age
        self._layout = layout
        self._jobs = jobs
        self._tools_folder = tools
        self._checks = checks
        self._declared = declared_identity
        self._keep = keep
        self._journal = journal
        # A run that was killed behind a fence would have locked us out, too.
        fence.lift_left_behind(server, journal=journal)
        with session(server, read_only=True) as connection:
            self._identity = identity(connection, server)
        check_identity(
            self._identity,
            name=declared_identity.get("name") or server.name,
            system_identifier=declared_identity.get("system_identifier"),
            host=declared_identity.get("host"),
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._executor.rows(sql)

    def applied_at(self) -> dict[str, datetime]:
        if not self.rows(_BOOKKEEPING)[0][0]:
            return {}
        return {id_: moment.astimezone(UTC) for id_, moment in self.rows(_APPLIED_AT)}

    def bookmark(self) -> None:
        return None

    def earlier(self, before: str | None) -> Earlier | None:
        applied = self.applied_at()
        if before not in applied:
            return None
        return self.at(applied[before] - timedelta(microseconds=1))

    def at(self, moment: datetime | None) -> Earlier | None:
        newest = newest_backup(self._folder, self._server.name, moment) if self._folder else None
        if newest is None:
            return None
        taken = newest.manifest.moment
        what = f"restore the backup of {taken:%Y-%m-%d %H:%M:%S} UTC beside it, then swap"
        return Earlier(what, str(newest.path), taken.isoformat())

    def losses(self, earlier: Earlier) -> list[Loss]:
        """Exact: the backup is restored beside the database, proved against its manifest, and compared."""
        with open_pair(self._server, self._side(earlier)) as pair:
            found = compare(pair)
        return _as_losses(found)

    def rewind(self, earlier: Earlier, limit: int | None) -> Rewound:
        side = self._side(earlier)
        with follow(
            self._server, side, keep=self._keep, besides=_ACCOUNTS, journal=self._journal
        ) as followed:
            check_limit(_as_losses(followed.found), limit)
            # What was written while all was compared is taken in before anybody has to wait for it.
            followed.catch_up()
            with fence.hold(self._server, journal=self._journal, spared=followed.pids) as held:
                # Behind the fence nothing is written any more: what is kept now is all that is lost.
                losses = _as_losses(followed.catch_up(fenced=True))
                check_limit(losses, limit)
                followed.finish()
                done = swap.swap(self._server, side.name, journal=self._journal, held=held)
        self._executor.close()
        return Rewound({"kept": done.kept}, losses)

    def left_by(self, run: str) -> dict[str, str]:
        """What an undo of that run needs, as the server itself knows it; empty when there is nothing."""
        kept = swap.kept_by(self._server, run)
        return {"kept": kept} if kept else {}

    def undo(self, undo: dict[str, str]) -> None:
        swap.undo(self._server, undo["kept"], journal=self._journal)

    def snapshot(self, within: float | None = None) -> dict[str, Any]:
        return integrity.snapshot(self._server, audit=self._audit, content=False, within=within).to_dict()

    def problems(
        self, before: Mapping[str, Any] | None, back_to: str | None, lost: Collection[str]
    ) -> Looked:
        # A database that went back holds what the backup holds, which was proved when it was restored.
        then = integrity.Snapshot.from_dict(before) if before and not back_to else None
        sentinel = self._checks.get("sentinel")
        folder = self._checks.get("sql")
        expected = integrity.Expected(
            name=self._declared.get("name") or self._server.name,
            system_identifier=self._declared.get("system_identifier"),
            host=self._declared.get("host"),
            before=then,
            back_to=datetime.fromisoformat(back_to) if back_to else None,
            besides=frozenset({"public.knowngood_migrations"}) | _agreed(then, lost),
            audit=self._audit,
            sentinel=(sentinel["query"], str(sentinel["value"])) if sentinel else None,
            queries=self._checks.get("queries") or (),
            limit_ms=self._checks.get("limit_ms", 100.0),
            sql_checks=Path(folder) if folder else None,
        )
        found = integrity.check(self._server, expected, journal=self._journal)
        wrong = [f"{check.name}: {check.detail}" for check in found if check.verdict == FAIL]
        return Looked(wrong, _unknown([check for check in found if check.held]))

    @property
    def _audit(self) -> integrity.Audit | None:
        declared = self._checks.get("audit")
        return integrity.Audit(**declared) if declared else None

    def back_up(self) -> dict[str, Any]:
        """A backup, proved by restoring it into a scratch database. Raises :class:`DatabaseError`."""
        if self._folder is None:
            raise DatabaseError(f"backups.folder is not set for {self.name}: say where backups go")
        made = backups.make(
            self._server,
            self._folder,
            tools=self._tools,
            journal=self._journal,
            layout=self._layout,
            jobs=self._jobs,
        )
        proof = prove(made, self._server, tools=self._tools, journal=self._journal, jobs=self._jobs)
        return {"path": str(made.path), "tables": proof.tables, "rows": proof.rows, "amcheck": proof.amcheck}

    def _side(self, earlier: Earlier) -> Server:
        """A database that holds the earlier state; found again, and not made twice, by a later run."""
        backup = backups.verify(
            Path(earlier.token),
            database=self._server.name,
            system_identifier=self._identity.system_identifier,
            max_age=self._max_age,
            tools=self._tools,
            journal=self._journal,
        )
        tools, journal = self._tools, self._journal
        return self._server.database(
            restore.side(self._server, backup, tools=tools, journal=journal, jobs=self._jobs)
        )

    @property
    def _tools(self) -> Tools:
        return find(self._identity.major, self._tools_folder)


def newest_backup(folder: Path, database: str, moment: datetime | None = None) -> backups.Backup | None:
    """The newest backup of a database in a folder, at or before a moment. Only a proof tells whether it can be used."""
    found = []
    for manifest in folder.glob(f"*/{backups.MANIFEST}"):
        try:
            backup = backups.read(manifest.parent)
        except BackupRefused:
            continue
        if backup.manifest.database == database and (moment is None or backup.manifest.moment <= moment):
            found.append(backup)
    return max(found, key=lambda backup: backup.manifest.moment, default=None)


def _unknown(held: list[Check]) -> list[str]:
    """One sentence for all checks that a lock was in the way of."""
    return [f"not checked ({', '.join(check.name for check in held)}): {held[0].detail}"] if held else []


def _agreed(then: integrity.Snapshot | None, lost: Collection[str]) -> set[str]:
    """The tables that a way down may leave with fewer rows, or take away."""
    names = {table.replace('"', "") for table in lost}
    return {
        table.full_name
        for table in (then.tables if then else ())
        # An empty one loses nothing with itself, so nobody had to agree; where nobody could say, all may.
        if not table.rows or names & {table.name, table.full_name, "?"}
    }


def _as_losses(found: list[Difference]) -> list[Loss]:
    losses = []
    for item in found:
        if not item.is_loss or item.name in _ACCOUNTS:
            continue
        dropped = sum(item.dropped.values())
        what = f"{item.full_name}: {item.inserted} inserted, {item.changed} changed, "
        what += f"{item.deleted} deleted since"
        what += f", {dropped} values of {', '.join(item.dropped)}" if dropped else ""
        losses.append(Loss(item.full_name, what, item.inserted + item.changed + item.deleted + dropped, True))
    return losses
