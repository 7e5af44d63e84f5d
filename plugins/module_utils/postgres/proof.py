"""The proof of a backup: it is restored into a scratch database and compared with what was backed up."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from ..journal import Journal
from . import databases
from .backup import Backup
from .connect import Server, identity, session
from .errors import BackupRefused, DatabaseError
from .fingerprint import differences, fingerprints
from .restore import fill, owned
from .tools import Tools

__all__ = ["Proof", "clean", "prove"]

PREFIX = "knowngood_scratch_"


@dataclass(frozen=True)
class Proof:
    """A backup was restored and held what its manifest says.

    ``amcheck`` is ``clean``, or says why PostgreSQL's own check of tables and indexes was not made.
    """

    backup: str
    server: str
    tables: int
    rows: int
    amcheck: str
    seconds: float


def prove(
    backup: Backup, server: Server, *, tools: Tools, journal: Journal, jobs: int = 2, timeout: float = 3600.0
) -> Proof:
    """Restore on ``server`` (any database of it), compare, check, and drop the scratch database.

    Raises BackupRefused (``not_restorable``, ``differs``), or DatabaseError when the server is at fault.
    """
    began = time.monotonic()
    clean(server, journal=journal)
    name = (PREFIX + journal.run.lower().replace("-", "_"))[:63]
    target = server.database(name)
    journal.write("postgres.proof.start", backup=str(backup.path), scratch=name)
    with (
        session(server.maintenance, autocommit=True, statement_timeout=timeout) as connection,
        owned(connection, name),
    ):
        try:
            databases.create(
                connection,
                name,
                encoding=backup.manifest.encoding,
                locale=backup.manifest.locale,
                mark={"kind": "scratch", "run": journal.run},
            )
            try:
                fill(target, backup, tools=tools, jobs=jobs, timeout=timeout, owners=False)
            except DatabaseError as error:
                # Only a server that still answers leaves the fault to the backup.
                connection.cursor().execute("SELECT 1")
                raise BackupRefused("not_restorable", f"{backup.path} cannot be restored: {error}") from error
            with session(target, read_only=True, statement_timeout=timeout) as inside:
                inside.set_session(isolation_level="REPEATABLE READ", readonly=True)
                superuser = identity(inside, target).is_superuser
                wrong = differences(backup.manifest.tables, fingerprints(inside))
            if wrong:
                raise BackupRefused(
                    "differs", f"{backup.path} does not hold what was backed up: {'; '.join(wrong)}"
                )
            amcheck = _amcheck(target, tools, jobs, timeout, superuser)
        finally:
            # With the server gone the next run removes it.
            with suppress(DatabaseError):
                databases.drop(connection, name)
    proof = Proof(
        backup=str(backup.path),
        server=str(server),
        tables=len(backup.manifest.tables),
        rows=backup.manifest.rows,
        amcheck=amcheck,
        seconds=round(time.monotonic() - began, 3),
    )
    journal.write("postgres.proof.end", **proof.__dict__)
    return proof


def clean(server: Server, *, journal: Journal) -> list[str]:
    """Drops the scratch databases of runs that are no longer alive; their names."""
    dropped = []
    with session(server.maintenance, autocommit=True) as connection:
        for name in databases.names(connection, PREFIX):
            if databases.lock(connection, name):
                databases.drop(connection, name)
                dropped.append(name)
        connection.cursor().execute("SELECT pg_catalog.pg_advisory_unlock_all()")
    if dropped:
        journal.write("postgres.proof.cleaned", databases=dropped)
    return dropped


def _amcheck(target: Server, tools: Tools, jobs: int, timeout: float, superuser: bool) -> str:
    if not tools.has("pg_amcheck"):
        return "not made: there is no pg_amcheck"
    if not superuser:
        return "not made: it needs a superuser"
    with session(target, read_only=True) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'amcheck'")
        if cursor.rowcount == 0:
            return "not made: the server has no amcheck extension"
    arguments = ["--install-missing", f"--jobs={jobs}", f"--database={target.name}", "--no-dependent-toast"]
    try:
        tools.run("pg_amcheck", arguments, target, timeout=timeout)
    except DatabaseError as error:
        raise BackupRefused("differs", f"pg_amcheck found faults in what was restored: {error}") from error
    return "clean"
