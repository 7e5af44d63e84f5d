"""The state of one local Cloudflare: a SQLite file in its state directory.

There is one connection and one thread. A transaction holds no `await`, so each is atomic towards the
others without locks; what a client was told to be done survives the death of the process.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = "CREATE TABLE IF NOT EXISTS identity (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"


class Store:
    """Opens (and creates) `path`; `schemas` are the idempotent CREATE scripts of the modules that use it."""

    def __init__(self, path: Path, schemas: Iterable[str]) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        # NORMAL survives a killed process (not a power cut), which is what is promised here.
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
        for schema in (SCHEMA, *schemas):
            self.db.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; an exception rolls back. Must not be nested and must not contain an `await`."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def identity(self, key: str, default: str) -> str:
        """A value that is fixed for the life of the state (account id, token); `default` when first asked."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO identity VALUES (?, ?)", (key, default))
            value: str = db.execute("SELECT value FROM identity WHERE key = ?", (key,)).fetchone()[0]
        return value

    def clear(self) -> None:
        """Empties every table but the identity, so that running clients keep their account and token."""
        with self.transaction() as db:
            names = db.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            for (name,) in names:
                if name != "identity":
                    db.execute(f'DELETE FROM "{name}"')  # noqa: S608 (names come from our own schemas)

    def close(self) -> None:
        self.db.close()
