"""Time Travel: the history of one database, page by page, and the way back to any moment of it.

Each committed transaction is a moment. Its changed pages are kept, compressed, in a SQLite file of their own,
so a moment costs what was written in it and no copy of the database. The state at a moment is, for each page,
the newest image at or before it. A restore adds a moment whose pages are those of its target; nothing of the
history is ever rewritten, so every older bookmark stays valid, the one before the restore included.
"""

import hashlib
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_cloudflare.d1.wal import Changes, Position

WINDOW_SECONDS = 30 * 86_400
RESTORES = 10
RESTORES_SECONDS = 600

_SCHEMA = """
CREATE TABLE IF NOT EXISTS moments (
    seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, restores INTEGER NOT NULL, page_count INTEGER NOT NULL,
    digest BLOB NOT NULL, salt BLOB NOT NULL, frames INTEGER NOT NULL,
    restored INTEGER, applied INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS pages (seq INTEGER NOT NULL, number INTEGER NOT NULL, image BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS pages_by_seq ON pages (seq, number);
CREATE INDEX IF NOT EXISTS pages_by_number ON pages (number, seq);
"""
_BOOKMARK = re.compile(r"[0-9a-f]{8}-([0-9a-f]{8})-[0-9a-f]{8}-[0-9a-f]{32}")
_COLUMNS = "seq, at_ms, restores, page_count, digest, salt, frames"


class HistoryError(Exception):
    """A bookmark or a time that cannot be gone back to; the message says why."""


@dataclass(frozen=True)
class Moment:
    """A state of the database. `at_ms` is milliseconds since 1970, the precision that clients have."""

    seq: int
    at_ms: int
    restores: int
    page_count: int
    digest: bytes
    position: Position

    @property
    def bookmark(self) -> str:
        """8-8-8-32 hexadecimal digits: restores so far, moments so far, pages, and a hash of the history."""
        return f"{self.restores:08x}-{self.seq:08x}-{self.page_count:08x}-{self.digest.hex()}"


class History:
    """The history kept in `path` of the database file `data`. `clock` gives seconds since 1970."""

    def __init__(self, path: Path, data: Path, seed: str, clock: Callable[[], float] = time.time) -> None:
        self._data = data
        self._clock = clock
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {_SCHEMA}")
        if self._db.execute("SELECT 1 FROM moments").fetchone() is None:
            self._begin(seed)
        self._apply()
        self._forget()

    @property
    def last(self) -> Moment:
        """The present moment."""
        return self._one("ORDER BY seq DESC LIMIT 1")

    def record(self, changes: Changes) -> Moment:
        """Adds the moment that these changes made."""
        before = self.last
        digest = _digest(before.digest, changes.page_count, changes.pages)
        with self._db:
            self._db.execute("BEGIN")
            self._add(before, before.restores, changes.page_count, digest, changes.position)
            self._db.executemany(
                "INSERT INTO pages VALUES (?, ?, ?)",
                (
                    (before.seq + 1, number, zlib.compress(image, 1))
                    for number, image in changes.pages.items()
                ),
            )
        return self.last

    def at(self, seconds: float) -> Moment:
        """The newest moment at or before a time in seconds since 1970."""
        self._check_window(round(seconds * 1000))
        try:
            return self._one("WHERE at_ms <= ? ORDER BY seq DESC LIMIT 1", round(seconds * 1000))
        except HistoryError:
            raise HistoryError("The database did not exist at that time.") from None

    def find(self, bookmark: str) -> Moment:
        """The moment that has this bookmark."""
        parts = _BOOKMARK.fullmatch(bookmark)
        if parts is None:
            raise HistoryError(f"Invalid bookmark: {bookmark}")
        moment = self._one("WHERE seq = ?", int(parts[1], 16))
        if moment.bookmark != bookmark:
            raise HistoryError(f"No such bookmark in this database: {bookmark}")
        if moment.seq != self.last.seq:
            following = self._one("WHERE seq = ?", moment.seq + 1)
            self._check_window(following.at_ms)
        return moment

    def restores_left(self) -> int:
        """How many restores the limit allows now."""
        since = round((self._clock() - RESTORES_SECONDS) * 1000)
        row = self._db.execute(
            "SELECT count(*) FROM moments WHERE restored IS NOT NULL AND at_ms > ?", (since,)
        )
        return int(RESTORES - row.fetchone()[0])

    def restore(self, target: Moment) -> Moment:
        """Makes the database file what it was at `target`. Nothing may have the file open."""
        before = self.last
        digest = _digest(before.digest, target.page_count, {target.seq: target.digest})
        with self._db:
            self._db.execute("BEGIN")
            self._add(before, before.restores + 1, target.page_count, digest, Position(b"", 0), target.seq)
            # Pages that changed since, and those that another restore has cut off. One that did not exist
            # then, or was free and never written, has no image to go back to.
            self._db.execute(
                "INSERT INTO pages SELECT :new, number, image FROM pages AS p WHERE number <= :pages AND"
                " number IN (SELECT number FROM pages WHERE seq > :target UNION"
                " SELECT number FROM pages WHERE number >"
                " (SELECT min(page_count) FROM moments WHERE seq >= :target))"
                " AND seq = (SELECT max(seq) FROM pages WHERE number = p.number AND seq <= :target)",
                {"new": before.seq + 1, "target": target.seq, "pages": target.page_count},
            )
        self._apply()
        return self.last

    def close(self) -> None:
        self._db.close()

    def _begin(self, seed: str) -> None:
        raw = self._data.read_bytes()
        size = int.from_bytes(raw[16:18], "big")
        size = 65_536 if size == 1 else size
        pages = {n + 1: raw[n * size : (n + 1) * size] for n in range(len(raw) // size)}
        start = Moment(-1, 0, 0, 0, seed.encode(), Position(b"", 0))
        with self._db:
            self._db.execute("BEGIN")
            digest = _digest(start.digest, len(pages), pages)
            self._add(start, 0, len(pages), digest, start.position)
            self._db.executemany(
                "INSERT INTO pages VALUES (0, ?, ?)", ((n, zlib.compress(p, 1)) for n, p in pages.items())
            )

    def _add(
        self,
        before: Moment,
        restores: int,
        page_count: int,
        digest: bytes,
        position: Position,
        restored: int | None = None,
    ) -> None:
        at_ms = max(int(self._clock() * 1000), before.at_ms)
        self._db.execute(
            "INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                before.seq + 1,
                at_ms,
                restores,
                page_count,
                digest,
                position.salt,
                position.frames,
                restored,
                restored is None,
            ),
        )

    def _apply(self) -> None:
        """Writes a recorded restore into the file; after a kill in the middle, once more from the start."""
        row = self._db.execute("SELECT seq, page_count FROM moments WHERE NOT applied").fetchone()
        if row is None:
            return
        seq, page_count = row
        with self._data.open("r+b") as file:
            size = 0
            for number, packed in self._db.execute("SELECT number, image FROM pages WHERE seq = ?", (seq,)):
                image = zlib.decompress(packed)
                size = len(image)
                file.seek((number - 1) * size)
                file.write(image)
            if size:
                file.truncate(page_count * size)
        self._db.execute("UPDATE moments SET applied = 1 WHERE seq = ?", (seq,))

    def _forget(self) -> None:
        """Drops what lies before the window; the state at its beginning stays."""
        start_ms = round((self._clock() - WINDOW_SECONDS) * 1000)
        row = self._db.execute("SELECT max(seq) FROM moments WHERE at_ms <= ?", (start_ms,)).fetchone()
        if row[0] is None:
            return
        with self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "DELETE FROM pages WHERE EXISTS (SELECT 1 FROM pages AS newer"
                " WHERE newer.number = pages.number AND newer.seq > pages.seq AND newer.seq <= ?)",
                row,
            )
            self._db.execute("DELETE FROM moments WHERE seq < ?", row)

    def _check_window(self, at_ms: int) -> None:
        if at_ms < (self._clock() - WINDOW_SECONDS) * 1000:
            raise HistoryError("Time Travel goes back 30 days, and this is before that.")

    def _one(self, where: str, *values: int) -> Moment:
        row = self._db.execute(f"SELECT {_COLUMNS} FROM moments {where}", values).fetchone()  # noqa: S608
        if row is None:
            raise HistoryError("No such bookmark in this database.")
        seq, at_ms, restores, page_count, digest, salt, frames = row
        return Moment(seq, at_ms, restores, page_count, digest, Position(salt, frames))


def _digest(before: bytes, page_count: int, pages: Mapping[int, bytes]) -> bytes:
    """Chains the history: equal digests mean equal states reached in the same way."""
    digest = hashlib.blake2b(before, digest_size=16)
    digest.update(page_count.to_bytes(4, "big"))
    for number in sorted(pages):
        digest.update(number.to_bytes(4, "big"))
        digest.update(pages[number])
    return digest.digest()
