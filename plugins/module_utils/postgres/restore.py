"""Restoring beside the live database, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from ..journal import Journal
from . import databases
from .backup import Backup
from .catalog import tables
from .connect import Connection, Server, session
from .errors import BackupRefused, DatabaseError
from .fingerprint import differences, fingerprints
from .tools import Tools

__all__ = ["fill", "owned", "side", "side_name"]

_SETTINGS = {
    "synchronous_commit": "off",
    "maintenance_work_mem": "256MB",
    "max_parallel_maintenance_workers": "2",
}


def side_name(database: str, backup: Backup) -> str:
    """Where a backup is restored: the same name in every run, so that a killed one is gone on with."""
    return databases.beside(database, "restore", backup.manifest.moment)


def fill(
    target: Server, backup: Backup, *, tools: Tools, jobs: int, timeout: float, owners: bool = True
) -> None:
    """Restores a backup into an empty database. Any error ends it. Raises DatabaseError."""
    arguments = [f"--dbname={target.name}", "--exit-on-error", f"--jobs={jobs}"]
    # A second subscriber to the same slot would take the live database's changes away from it.
    arguments.append("--no-subscriptions")
    if not owners:
        arguments += ["--no-owner", "--no-privileges", "--no-publications"]
    arguments.append(str(backup.dump))
    tools.run("pg_restore", arguments, target, timeout=timeout, settings=_SETTINGS)


def side(
    server: Server, backup: Backup, *, tools: Tools, journal: Journal, jobs: int = 2, timeout: float = 3600.0
) -> str:
    """The name of a database beside ``server``'s that holds the backup, compared with its manifest.

    Found whole from an earlier run, it is used again; found half, it is begun anew. Raises DatabaseError,
    and BackupRefused when what was restored is not what was backed up.
    """
    name = side_name(server.name, backup)
    target = server.database(name)
    with session(server.maintenance, autocommit=True, statement_timeout=timeout) as connection:
        live = databases.look(connection, server.name)
        if live is None:
            raise DatabaseError(f"there is no database {server.name} on {server.host}")
        with owned(connection, name):
            there = databases.look(connection, name)
            if there is not None and there.mark is None and _holds_tables(target):
                raise DatabaseError(f"database {name} is there and is not ours: rename or drop it")
            ready = there is not None and there.mark == {"kind": "side", "backup": backup.id}
            journal.write("postgres.restore.start", database=name, backup=str(backup.path), reused=ready)
            if not ready:
                databases.drop(connection, name)
                databases.create(
                    connection,
                    name,
                    encoding=live.encoding,
                    locale=live.locale,
                    owner=live.owner,
                    tablespace=live.tablespace,
                    mark={"kind": "side", "half": backup.id},
                )
                fill(target, backup, tools=tools, jobs=jobs, timeout=timeout)
            with ThreadPoolExecutor(1) as pool:
                analyzed = None if ready else pool.submit(_analyze, target, timeout)
                _compare(target, backup, timeout)
                if analyzed is not None:
                    analyzed.result()
            with connection.cursor() as cursor:
                cursor.execute(databases.mark_sql(name, {"kind": "side", "backup": backup.id}, None))
            journal.write("postgres.restore.end", database=name, rows=backup.manifest.rows)
    return name


@contextmanager
def owned(connection: Connection, name: str) -> Iterator[None]:
    """Claims a database name for this run. Raises DatabaseError when another living run has it."""
    if not databases.lock(connection, name, patience=databases.NOTICED):
        raise DatabaseError(f"another run is at work on database {name}: wait for it, or stop it")
    try:
        yield
    finally:
        # With the server gone the claim is gone too.
        with suppress(Exception):
            connection.cursor().execute("SELECT pg_catalog.pg_advisory_unlock_all()")


def _analyze(target: Server, timeout: float) -> None:
    """A restore brings no statistics, and without them every plan would be a bad one."""
    with session(target, autocommit=True, statement_timeout=timeout) as connection:
        connection.cursor().execute("ANALYZE")


def _compare(target: Server, backup: Backup, timeout: float) -> None:
    with session(target, read_only=True, statement_timeout=timeout) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        wrong = differences(backup.manifest.tables, fingerprints(connection))
    if wrong:
        raise BackupRefused("differs", f"{target.name} does not hold what was backed up: {'; '.join(wrong)}")


def _holds_tables(target: Server) -> bool:
    with session(target, read_only=True) as connection:
        return bool(tables(connection))
