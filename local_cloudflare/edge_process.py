"""The edge as a child process: bare workerd running the router in `edge/`, and the way to its table."""

import asyncio
import ctypes
import json
import logging
import os
import platform
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import IO, Any

PACKAGE = Path(__file__).resolve().parent
LOG = "edge.log"
START_SECONDS = 15.0
PUSH_SECONDS = 30.0
LOG_BYTES = 5_000_000

_PR_SET_PDEATHSIG = 1
_log = logging.getLogger(__name__)


class EdgeError(Exception):
    """The edge cannot be started or told its table; the message says why and where to look."""


def workerd() -> tuple[Path, str]:
    """The workerd of this platform and the newest compatibility date it knows. Raises EdgeError."""
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), platform.system().lower())
    machine = "arm64" if platform.machine() in ("aarch64", "arm64") else "64"
    package = PACKAGE.parent / "node_modules" / "@cloudflare" / f"workerd-{system}-{machine}"
    binary = package / "bin" / "workerd"
    if not binary.exists():
        raise EdgeError(f"workerd is not installed ({binary} is missing): run `npm ci` in {PACKAGE.parent}")
    released = json.loads((package / "package.json").read_text())["version"].split(".")[1]
    return binary, date.fromisoformat(released).isoformat()


class Edge:
    """Runs workerd, starts it again when it dies by itself, and keeps its routing table up to date.

    The listening sockets belong to this process and are lent to workerd, so that the ports stay and clients
    wait instead of being refused while it comes back. `control` is `host:port` of the admin server, `table`
    builds the present routing table. `state` receives Durable Object storage and the log of the edge.
    """

    def __init__(self, *, state: Path, control: str, table: Callable[[], dict[str, Any]]) -> None:
        self._objects = state / "objects"
        self._log_path = state / LOG
        self._control = control
        self._table = table
        self._secret = secrets.token_hex(16)
        self._public = _listen()
        self._private = _listen()
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._pushing = asyncio.Lock()

    @property
    def upstream(self) -> tuple[str, int]:
        """Where workerd takes plain HTTP; the front pipes to it."""
        address: tuple[str, int] = self._public.getsockname()
        return address

    async def start(self) -> None:
        """Returns when the edge answers with the present table. Raises EdgeError."""
        binary, newest_date = workerd()
        self._command = self._command_line(binary)
        self._environment = {"EDGE_SECRET": self._secret, "EDGE_NEWEST_DATE": newest_date}
        self._objects.mkdir(exist_ok=True, mode=0o700)
        if self._log_path.exists() and self._log_path.stat().st_size > LOG_BYTES:
            self._log_path.replace(self._log_path.with_suffix(".log.old"))
        await self._spawn()
        pushed = asyncio.create_task(self._push())
        died = asyncio.create_task(self._exited())
        await asyncio.wait({pushed, died}, timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        died.cancel()
        if not pushed.done():
            pushed.cancel()
            await self.stop()
            raise EdgeError(f"workerd did not start; the end of {self._log_path}:\n{self._last_words()}")
        try:
            pushed.result()
        except EdgeError:
            await self.stop()
            raise
        self._keeper = asyncio.create_task(self._keep())

    async def publish(self) -> None:
        """Returns when a table at least as new as this call is live. Callers that meet share one push."""
        if self._next is None:
            self._next = asyncio.create_task(self._push())
        await asyncio.shield(self._next)

    async def reset(self) -> None:
        """Forgets what Durable Objects stored and every loaded version."""
        await self._end()
        shutil.rmtree(self._objects, ignore_errors=True)
        self._objects.mkdir(mode=0o700)
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Ends workerd at once: what an object was told to be stored is stored."""
        await self._end()
        self._public.close()
        self._private.close()

    async def _end(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _command_line(self, binary: Path) -> list[str]:
        return [
            str(binary),
            "serve",
            "--experimental",
            f"--socket-fd=public={self._public.fileno()}",
            f"--socket-fd=control={self._private.fileno()}",
            f"--external-addr=control={self._control}",
            f"--directory-path=storage={self._objects}",
            str(PACKAGE / "edge" / "edge.capnp"),
        ]

    async def _spawn(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = await self._exec(log)

    async def _exec(self, log: IO[bytes]) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self._environment,
            pass_fds=(self._public.fileno(), self._private.fileno()),
            preexec_fn=_die_with_parent(os.getpid()) if sys.platform == "linux" else None,
        )

    async def _exited(self) -> None:
        assert self._process is not None
        await self._process.wait()

    async def _keep(self) -> None:
        """Starts workerd again whenever it dies, at most once a second when it keeps dying."""
        while True:
            started = time.monotonic()
            await self._exited()
            assert self._process is not None
            _log.warning("workerd ended with %s and is started again", self._process.returncode)
            await asyncio.sleep(max(0.0, 1.0 - (time.monotonic() - started)))
            await self._spawn()

    async def _push(self) -> None:
        async with self._pushing:
            # From here on a change is not in this table any more: it needs the next push.
            self._next = None
            body = json.dumps(self._table(), separators=(",", ":")).encode()
            try:
                async with asyncio.timeout(PUSH_SECONDS):
                    status, _ = await self._post("/table", body)
            except (OSError, TimeoutError) as error:
                raise EdgeError(f"the edge could not be told its table: {error!r}") from error
            if status != 204:
                raise EdgeError(f"the edge refused its table with {status}; see {self._log_path}")

    async def invocations(self) -> list[list[Any]]:
        """What the edge counted since it was last asked: see edge/invocations.js. Raises EdgeError."""
        try:
            async with asyncio.timeout(PUSH_SECONDS):
                status, body = await self._post("/invocations", b"")
        except (OSError, TimeoutError) as error:
            raise EdgeError(f"the edge could not be asked for its counts: {error!r}") from error
        if status != 200:
            raise EdgeError(f"the edge refused its counts with {status}; see {self._log_path}")
        counts: list[list[Any]] = json.loads(body)
        return counts

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """One POST to the router's control socket: status and body. A death of workerd meanwhile is outlived."""
        head = (
            f"POST {path} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n"
            f"x-edge-secret: {self._secret}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        host, port = self._private.getsockname()
        while True:
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(head.encode() + body)
                await writer.drain()
                told = await reader.readuntil(b"\r\n\r\n")
                # workerd closes the connection seconds after the answer, so the answer has to say where it ends.
                return int(told.split()[1]), await _body(told.lower(), reader)
            except (ConnectionError, EOFError):
                await asyncio.sleep(0.05)
            finally:
                writer.close()

    def _last_words(self) -> str:
        return self._log_path.read_text(errors="replace")[-2000:]


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    """The body of an answer, which workerd sends in chunks when it does not know how long it will be."""
    if b"transfer-encoding: chunked" not in head:
        _, _, length = head.partition(b"content-length:")
        return await reader.readexactly(int(length.split()[0])) if length else b""
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return body


def _listen() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def _die_with_parent(parent: int) -> Callable[[], None]:
    """What the child does before it becomes workerd: it asks to be killed when we are, however we end."""
    prctl = ctypes.CDLL(None).prctl

    def prepare() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare
