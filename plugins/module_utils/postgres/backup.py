"""Backups by pg_dump with a manifest that says what is in them, and the refusal of those that are not good.

A backup is a folder ``<database>_<time>/`` with ``dump`` (a file in custom format, or a folder in directory
format) and ``manifest.json``. The manifest is written last: a folder without one is not a backup.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..journal import Journal
from . import databases
from .connect import Server, identity, session
from .errors import BackupRefused, DatabaseError
from .fingerprint import Fingerprint, fingerprints
from .tools import Tools, stop

__all__ = ["Backup", "Manifest", "make", "newest", "read", "verify"]

MANIFEST = "manifest.json"
DUMP = "dump"
FORMAT = 1
_PARTIAL = ".partial"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. ``taken_at`` is the moment of its snapshot, ISO 8601 in UTC; ``lsn`` its place in
    the server's log; ``files`` maps a path below the backup to (bytes, sha256)."""

    database: str
    system_identifier: str | None
    host: str
    server_version: int
    tool_version: str
    layout: str
    compression: str
    taken_at: str
    lsn: str | None
    encoding: str
    locale: tuple[tuple[str, str], ...]
    run: str
    files: dict[str, tuple[int, str]]
    tables: tuple[Fingerprint, ...]
    format: int = FORMAT

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.taken_at)

    @property
    def size(self) -> int:
        return sum(size for size, _ in self.files.values())

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Raises ValueError, TypeError or KeyError when it is not one."""
        told = json.loads(text)
        if told["format"] != FORMAT:
            raise ValueError(f"its manifest has format {told['format']}, not {FORMAT}")
        told["tables"] = tuple(Fingerprint(**table) for table in told["tables"])
        told["files"] = {name: (int(size), str(digest)) for name, (size, digest) in told["files"].items()}
        told["locale"] = tuple((key, value) for key, value in told["locale"])
        return cls(**told)


@dataclass(frozen=True)
class Backup:
    """A backup on this machine."""

    path: Path
    manifest: Manifest

    @property
    def dump(self) -> Path:
        return self.path / DUMP

    @property
    def id(self) -> str:
        """Tells this backup from every other, whatever its folder is called."""
        files = json.dumps(self.manifest.files, sort_keys=True)
        return hashlib.sha256(files.encode()).hexdigest()[:16]


def make(
    server: Server,
    folder: Path,
    *,
    tools: Tools,
    journal: Journal,
    layout: str = "custom",
    jobs: int = 2,
    timeout: float = 3600.0,
) -> Backup:
    """Dump ``server``'s database below ``folder``, with counts and content hashes of the same snapshot.

    ``layout`` is ``custom`` (one file) or ``directory`` (``jobs`` tables at once). The dump and the counting
    run side by side. Raises DatabaseError; nothing is left of a backup that did not succeed.
    """
    journal.write("postgres.backup.start", database=server.name, layout=layout, tool=tools.version)
    with session(server, read_only=True, statement_timeout=timeout) as connection:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        who = identity(connection, server)
        if tools.major < who.major:
            raise DatabaseError(f"pg_dump {tools.version} is too old for a PostgreSQL {who.major} server")
        like = databases.look(connection, server.name)
        assert like is not None
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.clock_timestamp(),"
                " CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()"
                " ELSE pg_catalog.pg_current_wal_lsn() END::text"
            )
            snapshot, moment, lsn = cursor.fetchone() or ()
        with _partial(folder, f"{server.name}_{databases.stamp(moment)}") as place:
            compression = tools.compression()
            arguments = [f"--format={layout}", f"--file={place / DUMP}", f"--compress={compression}"]
            arguments += [f"--snapshot={snapshot}", "--lock-wait-timeout=10s"]
            if layout == "directory":
                arguments.append(f"--jobs={jobs}")
            dumping = tools.start("pg_dump", arguments, server)
            try:
                tables = fingerprints(connection)
                tools.finish(dumping, "pg_dump", timeout=timeout)
            finally:
                stop(dumping)
            manifest = Manifest(
                database=server.name,
                system_identifier=who.system_identifier,
                host=server.host,
                server_version=who.server_version,
                tool_version=tools.version,
                layout=layout,
                compression=compression,
                taken_at=moment.astimezone(UTC).isoformat(timespec="microseconds"),
                lsn=lsn,
                encoding=like.encoding,
                locale=like.locale,
                run=journal.run,
                files={name: _sum(place / name) for name in _files(place)},
                tables=tuple(tables),
            )
            _write(place / MANIFEST, json.dumps(asdict(manifest), indent=1) + "\n")
    backup = Backup(folder / place.name.removeprefix(".").removesuffix(_PARTIAL), manifest)
    journal.write(
        "postgres.backup.end",
        database=server.name,
        path=str(backup.path),
        bytes=manifest.size,
        tables=len(manifest.tables),
        rows=manifest.rows,
        taken_at=manifest.taken_at,
    )
    return backup


def read(path: Path) -> Backup:
    """A backup as its manifest tells it. Raises BackupRefused (``missing`` or ``unreadable``)."""
    if not path.is_dir():
        raise BackupRefused("missing", f"there is no backup {path}")
    try:
        return Backup(path, Manifest.parse((path / MANIFEST).read_text()))
    except FileNotFoundError:
        raise BackupRefused("missing", f"{path} has no {MANIFEST}: it is not a finished backup") from None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackupRefused("unreadable", f"{path / MANIFEST} cannot be read: {error}") from None


def newest(folder: Path, database: str) -> Backup:
    """The backup of that database that was taken last. Raises BackupRefused (``missing``)."""
    found = []
    for manifest in folder.glob(f"*/{MANIFEST}"):
        try:
            backup = read(manifest.parent)
        except BackupRefused:
            continue
        if backup.manifest.database == database and not manifest.parent.name.endswith(_PARTIAL):
            found.append(backup)
    if not found:
        raise BackupRefused("missing", f"there is no backup of {database} in {folder}")
    return max(found, key=lambda backup: backup.manifest.moment)


def verify(
    path: Path,
    *,
    database: str,
    system_identifier: str | None,
    max_age: float,
    tools: Tools,
    journal: Journal,
    now: datetime | None = None,
) -> Backup:
    """The backup, when it is whole, of that database and not older than ``max_age`` seconds.

    Reads all of it, and touches no server; :func:`proof.prove` shows that it can be restored. Raises
    BackupRefused.
    """
    try:
        backup = read(path)
        _check_files(backup)
        _check_origin(backup.manifest, database, system_identifier)
        age = ((now or datetime.now(UTC)) - backup.manifest.moment).total_seconds()
        if age > max_age:
            raise BackupRefused(
                "stale", f"{path} was taken {_hours(age)} ago; at most {_hours(max_age)} is allowed"
            )
        made_by = backup.manifest.tool_version
        if tools.major < int(made_by.partition(".")[0]):
            raise BackupRefused(
                "tool_too_old", f"{path} was made by pg_dump {made_by}; pg_restore {tools.version} is older"
            )
    except BackupRefused as refusal:
        journal.write("postgres.backup.refused", path=str(path), reason=refusal.reason, detail=str(refusal))
        raise
    journal.write("postgres.backup.verified", path=str(path), age=round(age, 1), bytes=backup.manifest.size)
    return backup


def _check_files(backup: Backup) -> None:
    there = set(_files(backup.path)) - {MANIFEST}
    for name, (size, digest) in backup.manifest.files.items():
        file = backup.path / name
        if name not in there:
            raise BackupRefused("missing", f"{file} is missing")
        found = file.stat().st_size
        if found == 0 and size:
            raise BackupRefused("empty", f"{file} has 0 bytes")
        if found < size:
            raise BackupRefused("truncated", f"{file} has {found} bytes of {size}")
        if found != size or _sum(file)[1] != digest:
            raise BackupRefused("changed", f"{file} is not what was written: its checksum differs")
    if not backup.manifest.files:
        raise BackupRefused("empty", f"{backup.path} holds no dump")
    if not backup.manifest.tables or not backup.manifest.rows:
        raise BackupRefused("empty", f"{backup.path} holds no rows: the database was empty when it was taken")


def _check_origin(manifest: Manifest, database: str, system_identifier: str | None) -> None:
    if manifest.database != database:
        raise BackupRefused("wrong_database", f"the backup is of {manifest.database}, not of {database}")
    theirs = manifest.system_identifier
    if system_identifier is not None and theirs is not None and theirs != system_identifier:
        raise BackupRefused(
            "wrong_database",
            f"the backup is of a {database} on another server ({manifest.host}, system {theirs}, "
            f"not {system_identifier})",
        )


@contextmanager
def _partial(folder: Path, name: str) -> Iterator[Path]:
    """A folder that becomes ``folder/name`` when all went well, and is removed when not."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _remove_partials(folder)
        place = folder / f".{name}{_PARTIAL}"
        if place.exists() or (folder / name).exists():
            raise DatabaseError(f"{folder / name} is there already, or being made by another run")
        place.mkdir(mode=0o700)
        handle = os.open(place, os.O_RDONLY)
    except OSError as error:
        raise DatabaseError(f"backups cannot be written to {folder}: {error.strerror}") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield place
        place.rename(folder / name)
    except OSError as error:
        raise DatabaseError(f"the backup cannot be written to {folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(handle)


def _remove_partials(folder: Path) -> None:
    """What killed runs left: their lock on the folder is gone."""
    for place in folder.glob(f".*{_PARTIAL}"):
        handle = os.open(place, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(place, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(handle)


def _files(place: Path) -> list[str]:
    return sorted(str(file.relative_to(place)) for file in place.rglob("*") if file.is_file())


def _sum(file: Path) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return size, digest.hexdigest()


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds:.0f} s"


def describe(backup: Backup) -> dict[str, Any]:
    """For a report: everything but the checksums."""
    told = asdict(backup.manifest)
    told["files"] = len(backup.manifest.files)
    return {**told, "path": str(backup.path), "bytes": backup.manifest.size, "rows": backup.manifest.rows}
