"""uvicorn as a part of a larger process: own socket, own protocol, no signal handlers, a quick stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from local_cloudflare.gateway import AbortableProtocol

GRACE = 0.3


class _Quiet(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """One ASGI application on one loopback port (0: the kernel chooses)."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        # asyncio sets TCP_NODELAY only on sockets that name the protocol; without it a POST takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as error:
            raise OSError(error.errno, f"port {port}: {error.strerror}") from None
        self._socket.listen(512)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=AbortableProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            headers=[("server", "cloudflare")],
            timeout_keep_alive=75,
        )
        self._server = _Quiet(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Lets running calls end for GRACE seconds, then drops them."""
        if self._task is None:
            self._socket.close()
            return
        self._server.should_exit = True
        await asyncio.wait([self._task], timeout=GRACE)
        self._server.force_exit = True
        await self._task
