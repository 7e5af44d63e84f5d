"""A real HTTP server of a test's own, on loopback, that answers as the test says."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Answer = tuple[float, bytes]
"""How many seconds it takes, and all bytes; without bytes the connection is closed instead."""
# Instead of bytes: the connection is reset.
RESET = b"RESET"


def http(status: int = 200, body: bytes | None = None, head: str = "") -> bytes:
    """A whole answer; without a body that of a service that is well."""
    if body is None:
        body = json.dumps({"status": "healthy", "timestamp": time.time()}).encode()
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body


class Server:
    """``asked`` counts the requests, ``connections`` the connections."""

    def __init__(self, answer: Callable[[int], Answer | Iterable[Answer]]) -> None:
        self.asked = self.connections = 0
        self.port = 0
        self._answer = answer

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/health"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, EOFError):
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                told = self._answer(self.asked)
                for seconds, part in [told] if isinstance(told, tuple) else told:
                    await asyncio.sleep(seconds)
                    if part == RESET:
                        _reset(writer)
                        return
                    writer.write(part)
                    await writer.drain()
                if not part or b"Connection: close" in part:
                    break
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def serving(
    answer: Callable[[int], Answer | Iterable[Answer]], *, tls: ssl.SSLContext | None = None
) -> Iterator[Server]:
    """Serve inside the block. ``answer`` gets the number of the request, from 1, and may give its bytes in parts."""
    server = Server(answer)
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def main() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=512, ssl=tls)
        server.port = listening.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        listening.close()

    thread = threading.Thread(target=_run, args=(loop, main()))
    thread.start()
    try:
        assert ready.wait(30)
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def _run(loop: asyncio.AbstractEventLoop, main: Awaitable[None]) -> None:
    try:
        loop.run_until_complete(main)
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
    finally:
        loop.close()
