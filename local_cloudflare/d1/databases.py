"""The account's D1 databases: their rows in the store, and the open ones, each on a thread of its own."""

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from local_cloudflare.d1.engine import Engine, Result
from local_cloudflare.d1.rules import SqlError
from local_cloudflare.envelope import ApiError
from local_cloudflare.store import Store

SCHEMA = """
CREATE TABLE IF NOT EXISTS d1_databases (
    uuid TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL, replication TEXT NOT NULL
);
"""

TRANSFER = "transfer"
"""The folder of a database for exports and imports."""

T = TypeVar("T")


class Database:
    """One open database. Its work is done in the order it comes."""

    def __init__(self, folder: Path, uuid: str) -> None:
        self.uuid = uuid
        self.folder = folder
        self.busy: str | None = None
        """Why queries are refused (an export or an import runs), or None."""
        self.usage: dict[int, Counter[str]] = {}
        """What was used in each hour since 1970: readQueries, writeQueries, rowsRead, rowsWritten."""
        self._generation = 0
        self._reason = ""
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"d1-{uuid[:8]}")
        self._engine = self._pool.submit(Engine, folder, uuid)

    async def query(self, work: Callable[[Engine], T]) -> T:
        """`work`, unless the database is busy. Raises SqlError, HistoryError."""
        if self.busy is not None:
            raise SqlError(self.busy)
        return await self.work(work)

    async def work(self, work: Callable[[Engine], T]) -> T:
        """`work` on the database's thread, after what came before. SqlError when it was cancelled."""
        generation = self._generation

        def run() -> T:
            engine = self._engine.result()
            # Before the comparison, so that a cancellation is either seen by it or still in the engine.
            engine.ready()
            if generation != self._generation:
                raise SqlError(self._reason)
            return work(engine)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def size(self) -> tuple[int, int]:
        """Tables and bytes, without waiting for what runs."""
        engine = await asyncio.wrap_future(self._engine)
        return engine.tables, engine.size

    def cancel(self, reason: str) -> None:
        """Ends what runs and what waits; each gets `reason` as its error."""
        self._generation += 1
        self._reason = reason
        if self._opened():
            self._engine.result().cancel(reason)

    def count(self, results: Iterable[Result]) -> None:
        """Adds queries to the usage."""
        hour = self.usage.setdefault(int(time.time() // 3600), Counter())
        for result in results:
            hour["writeQueries" if result.meta["changed_db"] else "readQueries"] += 1
            hour["rowsRead"] += result.meta["rows_read"]
            hour["rowsWritten"] += result.meta["rows_written"]

    async def close(self) -> None:
        """Cancels everything and lets go of the files."""
        self.cancel("The database was closed.")
        await asyncio.get_running_loop().run_in_executor(self._pool, self._let_go)
        self._pool.shutdown()

    def _let_go(self) -> None:
        if self._opened():
            self._engine.result().close()

    def _opened(self) -> bool:
        """Whether there is an engine: not yet, or its files could not be opened, is no."""
        return self._engine.done() and self._engine.exception() is None


class Databases:
    """The databases of a state directory; their files are in `folder`."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self._open: dict[str, Database] = {}

    def row(self, id_or_name: str) -> Any:
        """What the store knows of a database. ApiError 7404."""
        row = self.store.db.execute(
            "SELECT * FROM d1_databases WHERE uuid = ? OR name = ?", (id_or_name, id_or_name)
        ).fetchone()
        if row is None:
            raise ApiError(404, 7404, f"The database {id_or_name} could not be found")
        return row

    def open(self, uuid: str) -> Database:
        """The running database. ApiError 7404."""
        uuid = self.row(uuid)["uuid"]
        database = self._open.get(uuid)
        if database is None:
            # Files of exports and imports that a former process has left.
            shutil.rmtree(self.folder / uuid / TRANSFER, ignore_errors=True)
            database = self._open[uuid] = Database(self.folder / uuid, uuid)
        return database

    async def delete(self, uuid: str) -> None:
        """Forgets a database and all its history."""
        with self.store.transaction() as db:
            db.execute("DELETE FROM d1_databases WHERE uuid = ?", (uuid,))
        database = self._open.pop(uuid, None)
        if database is not None:
            await database.close()
        shutil.rmtree(self.folder / uuid, ignore_errors=True)

    async def close(self) -> None:
        """Closes all files."""
        databases = list(self._open.values())
        self._open.clear()
        await asyncio.gather(*(database.close() for database in databases))

    async def reset(self) -> None:
        """Deletes the files of all databases; the store's rows are cleared by its owner."""
        await self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
