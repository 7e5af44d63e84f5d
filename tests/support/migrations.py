"""Directories of migrations for tests."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from plugins.module_utils.cloudflare.errors import Refused


def write(directory: Path, **files: str) -> Path:
    """Files by their names below the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return directory


class SqliteD1:
    """What the driver needs of D1, over SQLite: several statements are one transaction, foreign keys on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.queries: list[str] = []

    def query(self, sql: str, params: tuple[Any, ...] = ()) -> list[dict[str, Any]]:
        self.queries.append(sql)
        database = sqlite3.connect(self._path, isolation_level=None)
        database.row_factory = sqlite3.Row
        try:
            database.execute("PRAGMA foreign_keys = ON")
            if ";" in sql.strip().rstrip(";"):
                database.executescript(f"BEGIN;\n{sql}\n;COMMIT")
                return []
            return [dict(row) for row in database.execute(sql, params)]
        except sqlite3.Error as error:
            raise Refused(str(error)) from None
        finally:
            database.close()
