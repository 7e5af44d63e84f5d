"""Real proxies on loopback: HTTP CONNECT and SOCKS5, with and without a password."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

USER, PASSWORD = "observer", "pass-word:@/"


class Proxy:
    """``leads`` says where names lead to; what is not in it is not reachable. ``asked`` are the names asked for.

    ``refuses`` is what it answers instead of leading anywhere: a status of HTTP, or a reply of SOCKS5.
    """

    def __init__(self, leads: dict[str, int], *, login: bool, refuses: int) -> None:
        self.asked: list[str] = []
        self.port = 0
        self._leads, self._login, self._refuses = leads, login, refuses

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, to, _ = head.split(" ", 2)
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if method != "CONNECT":
            status = 405
        elif self._login and f"Proxy-Authorization: Basic {login}" not in head:
            status = 407
        else:
            name = to.rpartition(":")[0]
            self.asked.append(name)
            status = self._refuses or (200 if name in self._leads else 502)
        writer.write(f"HTTP/1.1 {status} X\r\n\r\n".encode())
        if status == 200:
            await self._lead(self._leads[name], reader, writer)

    async def socks5(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        ways = await reader.readexactly(count)
        wanted = 2 if self._login else 0
        writer.write(bytes([5, wanted if wanted in ways else 0xFF]))
        if wanted not in ways:
            return
        if self._login:
            user = await reader.readexactly((await reader.readexactly(2))[1])
            password = await reader.readexactly((await reader.readexactly(1))[0])
            good = (user.decode(), password.decode()) == (USER, PASSWORD)
            writer.write(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        _, _, _, kind = await reader.readexactly(4)
        assert kind == 3, "names are resolved behind the proxy"
        name = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        await reader.readexactly(2)
        self.asked.append(name)
        reply = self._refuses or (0 if name in self._leads else 4)
        # Bound to an address of IPv6, because its length differs.
        writer.write(bytes([5, reply, 0, 4]) + bytes(16) + bytes(2))
        if not reply:
            await self._lead(self._leads[name], reader, writer)

    async def _lead(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
        writer.close()


@contextmanager
def proxying(kind: str, leads: dict[str, int], *, login: bool = False, refuses: int = 0) -> Iterator[Proxy]:
    """A proxy inside the block; ``kind`` is ``http`` or ``socks5``."""
    proxy = Proxy(leads, login=login, refuses=refuses)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError, ValueError):
            await getattr(proxy, kind)(reader, writer)
            await writer.drain()
        writer.close()

    @asynccontextmanager
    async def listening() -> AsyncIterator[None]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()

    async def main() -> None:
        async with listening():
            ready.set()
            await stop.wait()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield proxy
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
