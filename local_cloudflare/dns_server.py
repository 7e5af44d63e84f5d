"""The zones over real DNS: one loopback port, UDP and TCP."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from typing import cast

Reply = Callable[[bytes, int | None], bytes | None]

_SAFE = 512
"""Bytes of a datagram that every client takes (RFC 1035)."""
_IDLE_SECONDS = 10.0
_ATTEMPTS = 20


class DnsServer:
    """Answers on 127.0.0.1:`port` (0: the kernel chooses one that is free for both)."""

    def __init__(self, reply: Reply, port: int = 0) -> None:
        self._reply = reply
        self._udp, self._tcp = _sockets(port)
        self.port: int = self._udp.getsockname()[1]
        self._datagrams: asyncio.DatagramTransport | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._reply), sock=self._udp
        )
        self._server = await asyncio.start_server(self._serve, sock=self._tcp)

    async def stop(self) -> None:
        """Closes the port and every connection."""
        if self._datagrams is not None:
            self._datagrams.close()
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                while True:
                    async with asyncio.timeout(_IDLE_SECONDS):
                        size = int.from_bytes(await reader.readexactly(2))
                        asked = await reader.readexactly(size)
                    answer = self._reply(asked, None)
                    if answer is None:
                        break
                    writer.write(len(answer).to_bytes(2) + answer)
                    await writer.drain()
        finally:
            self._open.discard(writer)
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._reply(data, _SAFE)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)


def _sockets(port: int) -> tuple[socket.socket, socket.socket]:
    """A datagram and a stream socket of the same number."""
    for _ in range(_ATTEMPTS):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind(("127.0.0.1", port))
            tcp.bind(udp.getsockname())
        except OSError as error:
            udp.close()
            tcp.close()
            if port or error.errno != errno.EADDRINUSE:
                raise OSError(error.errno, f"port {port} (DNS): {error.strerror}") from None
        else:
            return udp, tcp
    raise OSError(errno.EADDRINUSE, "no port is free for UDP and TCP (DNS)")
