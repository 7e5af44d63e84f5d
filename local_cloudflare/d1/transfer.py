"""Export and import: long work that a client starts and polls, and the storage that holds its files.

While one runs, queries of the database are refused. One that nobody polls cancels itself. The files are
reached by URLs with a secret in them on the admin server, as they are in a bucket on the real platform.
"""

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from local_cloudflare.d1.api import ONE, malformed, refused
from local_cloudflare.d1.databases import TRANSFER, Database, Databases
from local_cloudflare.d1.engine import Engine
from local_cloudflare.d1.rules import SqlError
from local_cloudflare.envelope import ApiError, body_object, ok

LEASE_SECONDS = 5.0
"""How long a job lives without being polled. (The real figure is not known.)"""
PATIENCE_SECONDS = 1.0
"""How long a poll waits for the end before it answers that the job is active."""
URL_SECONDS = 3600.0
STORAGE = "/d1/storage"

_MD5 = re.compile(r"[0-9a-f]{32}")


class Job:
    """One export or import of a database, and the outcome that polls are told."""

    def __init__(self, kind: str, database: Database, bookmark: str, work: Callable[[Engine], Any]) -> None:
        self.kind = kind
        self.bookmark = bookmark
        self.result: dict[str, Any] | None = None
        self.error: str | None = None
        self._database = database
        database.busy = f"Currently processing a long-running {kind}."
        self._lease: asyncio.TimerHandle | None = None
        self._task = asyncio.create_task(self._run(work))
        self.renew()

    @property
    def running(self) -> bool:
        return self._lease is not None

    def renew(self) -> None:
        """Somebody asks: the lease begins anew."""
        if self._lease is not None:
            self._lease.cancel()
        loop = asyncio.get_running_loop()
        self._lease = loop.call_later(LEASE_SECONDS, self._abandoned)

    async def poll(self) -> dict[str, Any]:
        """How it stands, in the API's words; waits a little for the end. The answer to `complete` ends it."""
        if self.running:
            self.renew()
        await asyncio.wait([self._task], timeout=PATIENCE_SECONDS)
        if self._task.done():
            self._release()
        return self.status()

    def status(self) -> dict[str, Any]:
        """The answer to a poll."""
        answer: dict[str, Any] = {"success": True, "type": self.kind, "at_bookmark": self.bookmark}
        if self.error is not None:
            return {**answer, "success": False, "status": "error", "error": self.error, "messages": []}
        if self.running:
            return {**answer, "status": "active", "messages": [f"Processing the {self.kind}."]}
        return {**answer, "status": "complete", "messages": [], "result": self.result}

    async def _run(self, work: Callable[[Engine], Any]) -> None:
        try:
            self.result = await self._database.work(work)
        except SqlError as error:
            self.error = self.error or str(error)
            self._release()

    def _abandoned(self) -> None:
        self.error = "Cancelled due to no poll() received"
        if not self._task.done():
            self._database.cancel(self.error)
        self._release()

    def _release(self) -> None:
        if self._lease is not None:
            self._lease.cancel()
            self._lease = None
            self._database.busy = None


class Transfer:
    """Exports and imports of all databases. `storage` is the address of the admin server."""

    def __init__(self, databases: Databases, storage: Callable[[], str]) -> None:
        self._databases = databases
        self._storage = storage
        self._jobs: dict[str, Job] = {}
        self._files: dict[str, tuple[Path, float]] = {}

    def routes(self) -> list[Route]:
        """Endpoints below /client/v4."""
        return [
            Route(ONE + "/export", self._export, methods=["POST"]),
            Route(ONE + "/import", self._import, methods=["POST"]),
        ]

    def storage_routes(self) -> list[Route]:
        """Endpoints of the admin server, for downloads and uploads."""
        one = STORAGE + "/{secret}/{name}"
        return [Route(one, self._download), Route(one, self._upload, methods=["PUT"])]

    async def _export(self, request: Request) -> Response:
        database = self._databases.open(request.path_params["database"])
        body = await body_object(request)
        if body.get("output_format") != "polling":
            raise malformed("output_format must be polling")
        if body.get("current_bookmark") is not None:
            return ok(await self._poll("export", database, body))
        options = body.get("dump_options") or {}
        tables = options.get("tables") or []
        if not isinstance(tables, list) or not all(isinstance(table, str) for table in tables):
            raise malformed("dump_options.tables must be an array of names")
        bookmark = await self._start_of("export", database)
        name = f"{database.uuid}-{bookmark}.sql"
        path = self._folder(database) / name

        def work(engine: Engine) -> dict[str, Any]:
            lines = engine.dump(
                schema=not options.get("no_schema"), data=not options.get("no_data"), tables=tables
            )
            with path.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines)
            return {"filename": name, "signed_url": self._sign(path)}

        job = self._jobs[database.uuid] = Job("export", database, bookmark, work)
        return ok(job.status())

    async def _import(self, request: Request) -> Response:
        database = self._databases.open(request.path_params["database"])
        body = await body_object(request)
        action = body.get("action")
        if action == "poll":
            return ok(await self._poll("import", database, body))
        etag = body.get("etag")
        if action not in ("init", "ingest") or not isinstance(etag, str) or _MD5.fullmatch(etag) is None:
            raise malformed("action must be init, ingest or poll, and etag the MD5 of the file")
        path = self._folder(database) / f"{database.uuid}.{etag}.sql"
        if not path.exists():
            if action == "ingest":
                raise malformed(f"{path.name} was not uploaded")
            return ok({"filename": path.name, "upload_url": self._sign(path)})
        return ok(await self._ingest(database, path))

    async def _ingest(self, database: Database, path: Path) -> dict[str, Any]:
        bookmark = await self._start_of("import", database)

        def work(engine: Engine) -> dict[str, Any]:
            text = path.read_text(encoding="utf-8", errors="replace")
            path.unlink()
            count, meta = engine.run_script(text)
            return {"num_queries": count, "final_bookmark": engine.moment.bookmark, "meta": meta}

        job = self._jobs[database.uuid] = Job("import", database, bookmark, work)
        return await job.poll()

    async def _start_of(self, kind: str, database: Database) -> str:
        try:
            if database.busy is not None:
                also = f" Cannot start a new {kind} until that completes or times out."
                raise SqlError(database.busy + also)
            bookmark = await database.query(lambda engine: engine.moment.bookmark)
            if database.busy is not None:  # another one came first
                raise SqlError(database.busy)
            return bookmark
        except SqlError as error:
            raise refused(error) from None

    async def _poll(self, kind: str, database: Database, body: dict[str, Any]) -> dict[str, Any]:
        job = self._jobs.get(database.uuid)
        if job is None or job.kind != kind or job.bookmark != body.get("current_bookmark"):
            return {"success": False, "type": kind, "error": f"Not currently {kind}ing anything."}
        return await job.poll()

    def _folder(self, database: Database) -> Path:
        folder = database.folder / TRANSFER
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def _sign(self, path: Path) -> str:
        """A URL of a file that works for an hour."""
        now = time.monotonic()
        for secret, (old, ends) in list(self._files.items()):
            if ends < now:
                del self._files[secret]
                old.unlink(missing_ok=True)
        secret = secrets.token_hex(16)
        self._files[secret] = (path, now + URL_SECONDS)
        return f"{self._storage()}{STORAGE}/{secret}/{path.name}"

    def _file(self, request: Request) -> Path:
        path, ends = self._files.get(request.path_params["secret"], (Path(), 0.0))
        if path.name != request.path_params["name"] or ends < time.monotonic():
            raise ApiError(403, 1, "this URL is not valid, or no longer")
        return path

    async def _download(self, request: Request) -> Response:
        path = self._file(request)
        if not path.exists():
            raise ApiError(404, 1, "there is no such file")
        return FileResponse(path, media_type="application/sql")

    async def _upload(self, request: Request) -> Response:
        path = self._file(request)
        draft = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            etag = await _write(draft, request.stream())
            if etag not in path.name:
                raise ApiError(400, 1, f"the uploaded file has the MD5 {etag}")
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        return Response(headers={"etag": f'"{etag}"'})


async def _write(path: Path, chunks: AsyncIterator[bytes]) -> str:
    """Writes a stream to a file; the MD5 of it."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        async for chunk in chunks:
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
