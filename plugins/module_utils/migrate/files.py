"""Migrations in a directory of SQL files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from .model import Migration, MigrationError

__all__ = ["DOWN_FOLDER", "read_directory"]

DOWN_FOLDER = "down"
_NAME = re.compile(r"(?P<number>\d+)[_-](?P<name>.+?)(?:\.(?P<way>up|down))?\.sql")
_SECTION = re.compile(r"^--[ \t]*migrate:(?P<way>up|down)\b(?P<options>.*)$", re.MULTILINE)
_WITHOUT_TRANSACTION = re.compile(r"\btransaction:\s*false\b")


@dataclass
class _Parts:
    number: str
    name: str
    up: Path | None = None
    down: Path | None = None


def read_directory(
    directory: Path, identify: Callable[[str, str], str], *, down_beside: bool = True
) -> list[Migration]:
    """The migrations of a directory, by number.

    Three ways to write them, which may be mixed: ``NNN_name.sql`` with sections ``-- migrate:up``
    and ``-- migrate:down``; a pair ``NNN_name.up.sql`` and ``NNN_name.down.sql``; or ``NNN_name.sql`` alone,
    with its way down in ``down/NNN_name.sql`` or beside it in ``NNN_name.down.sql``. A way down that is to do
    nothing holds a comment that says so; an empty one is missing. ``identify(number, file name)`` is what
    the bookkeeping table calls it. ``down_beside=False``: files named ``.down.sql`` are refused.
    Raises ``MigrationError`` that names the file.
    """
    if not directory.is_dir():
        raise MigrationError(f"{directory}: there is no such directory of migrations")
    found: dict[str, _Parts] = {}
    for path in sorted(directory.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise MigrationError(f"{path}: a migration is called NNN_name.sql, with a number in front")
        if match["way"] == "down" and not down_beside:
            raise MigrationError(
                f"{path}: wrangler takes every .sql file here for a migration and would apply this one;"
                f" move it to {DOWN_FOLDER}/{match['number']}_{match['name']}.sql"
            )
        parts = found.setdefault(f"{match['number']}_{match['name']}", _Parts(match["number"], match["name"]))
        if match["way"] == "down":
            parts.down = path
        elif parts.up is not None:
            raise MigrationError(f"{path}: {parts.up.name} is the same migration")
        else:
            parts.up = path
    migrations = [_read(directory, parts, identify, down_beside=down_beside) for parts in found.values()]
    migrations.sort(
        key=lambda migration: (int(Path(migration.file).name.split("_")[0].split("-")[0]), migration.file)
    )
    seen: dict[str, Migration] = {}
    for migration in migrations:
        if migration.id in seen:
            raise MigrationError(f"{migration.file}: {seen[migration.id].file} has the same number")
        seen[migration.id] = migration
    return migrations


def _read(
    directory: Path, parts: _Parts, identify: Callable[[str, str], str], *, down_beside: bool
) -> Migration:
    if parts.up is None:
        raise MigrationError(f"{parts.down}: there is a way down, and no way up beside it")
    text = _text(parts.up)
    sections = _sections(parts.up, text)
    id_ = identify(parts.number, parts.up.name)
    if sections:
        down = sections.get("down", ("", ""))[0]
        return Migration(
            id_,
            parts.name,
            sections["up"][0],
            down if down.strip() else None,
            str(parts.up),
            str(parts.up),
            transaction=not any(_WITHOUT_TRANSACTION.search(options) for _, options in sections.values()),
        )
    folder = directory / DOWN_FOLDER / f"{parts.number}_{parts.name}.sql"
    if parts.down is None and (folder.exists() or not down_beside):
        parts.down = folder
    if parts.down is None:
        parts.down = directory / f"{parts.number}_{parts.name}.down.sql"
    down = _text(parts.down) if parts.down.exists() else ""
    return Migration(id_, parts.name, text, down if down.strip() else None, str(parts.up), str(parts.down))


def _sections(path: Path, text: str) -> dict[str, tuple[str, str]]:
    """Text and options of each section. Lines before it are kept blank, so that line numbers stay true."""
    marks = list(_SECTION.finditer(text))
    sections: dict[str, tuple[str, str]] = {}
    for mark, following in zip_longest(marks, marks[1:]):
        if mark["way"] in sections:
            raise MigrationError(f"{path}: the section migrate:{mark['way']} is there twice")
        body = text[mark.end() : following.start() if following else len(text)]
        sections[mark["way"]] = ("\n" * text.count("\n", 0, mark.end()) + body, mark["options"])
    if sections and "up" not in sections:
        raise MigrationError(f"{path}: there is a section migrate:down and none migrate:up")
    return sections


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise MigrationError(f"{path}: it is not UTF-8: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise MigrationError(f"{path}: it cannot be read: {error.strerror}") from None
