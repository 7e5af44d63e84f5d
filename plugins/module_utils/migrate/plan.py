"""Which migrations are to go, or to come: from what is available and what is applied. No database here."""

from __future__ import annotations

from collections.abc import Sequence

from .model import Migration, MigrationError, MissingDown, Status

__all__ = ["pending_up_to", "steps_down", "where"]


def where(available: Sequence[Migration], applied: Sequence[str], source: str) -> Status:
    """What is applied and pending, and what does not fit between the two."""
    ids = [migration.id for migration in available]
    files = {migration.id: migration.file for migration in available}
    pending = tuple(id_ for id_ in ids if id_ not in applied)
    problems = [f"{id_} is applied, and {source} does not have it" for id_ in applied if id_ not in files]
    known = [id_ for id_ in ids if id_ in applied]
    if known:
        newest = ids.index(known[-1])
        problems += [
            f"{files[id_]} is not applied, although the later {known[-1]} is"
            for id_ in pending
            if ids.index(id_) < newest
        ]
    return Status(tuple(applied), pending, None, tuple(problems))


def steps_down(available: Sequence[Migration], status: Status, to: str | None) -> list[Migration]:
    """What has to be taken down so that ``to`` is the newest applied, newest first."""
    if to is not None and to not in status.applied:
        raise MigrationError(
            f"{to} is not applied, so it cannot be gone back to;"
            f" applied are: {', '.join(status.applied) or 'none'}"
        )
    start = status.applied.index(to) + 1 if to is not None else 0
    leaving = list(reversed(status.applied[start:]))
    known = {migration.id: migration for migration in available}
    if unknown := [id_ for id_ in leaving if id_ not in known]:
        raise MissingDown(
            f"there is no file for {', '.join(unknown)}, which is applied:"
            " get the files of the release that brought it"
        )
    steps = [known[id_] for id_ in leaving]
    if missing := [migration for migration in steps if migration.down is None]:
        files = ", ".join(f"{migration.id} (expected in {migration.down_file})" for migration in missing)
        raise MissingDown(f"there is no way down for {files}; nothing was changed")
    return steps


def pending_up_to(available: Sequence[Migration], status: Status, to: str | None) -> list[Migration]:
    """What has to be applied, oldest first, up to and including ``to``."""
    ids = [migration.id for migration in available]
    if to is not None and to not in ids:
        raise MigrationError(f"there is no migration {to}; there are: {', '.join(ids) or 'none'}")
    wanted = ids[: ids.index(to) + 1] if to is not None else ids
    return [migration for migration in available if migration.id in wanted and migration.id in status.pending]
