"""The TLS front of the edge: it ends TLS for the names of the account and pipes the bytes to workerd.

HTTP is not looked at, so WebSockets, streaming and pipelining are workerd's own. A fault hits what a client sends:
a request, or a message of a WebSocket.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import trustme

from local_cloudflare.faults import Fault, Faults

CA_FILE = "ca.pem"
_KEY_FILE = "ca.key"
_CHUNK = 256 * 1024
_HANDSHAKE_SECONDS = 10.0
_SHUTDOWN_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Authority:
    """The local certificate authority, kept in the state directory, and the leaf certificates it made."""

    def __init__(self, state: Path) -> None:
        self.file = state / CA_FILE
        key = state / _KEY_FILE
        if self.file.exists() and key.exists():
            self._ca = trustme.CA.from_pem(self.file.read_bytes(), key.read_bytes())
        else:
            self._ca = trustme.CA(
                organization_name="local_cloudflare",
                organization_unit_name="for tests on this machine only",
                key_type=trustme.KeyType.ECDSA,
            )
            key.touch(mode=0o600)
            self._ca.private_key_pem.write_to_path(str(key))
            self._ca.cert_pem.write_to_path(str(self.file))
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._names: dict[ssl.SSLContext, str] = {}

    def name(self, context: ssl.SSLContext) -> str:
        """The name that a context is for."""
        return self._names.get(context, "")

    def context(self, name: str) -> ssl.SSLContext:
        """The server context with a certificate for exactly this name."""
        if name not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._ca.issue_cert(name, key_type=trustme.KeyType.ECDSA).configure_cert(context)
            self._contexts[name] = context
            self._names[context] = name
        return self._contexts[name]


class Front:
    """Listens on 127.0.0.1:`port` (0: the kernel chooses) and pipes to `upstream`.

    A handshake without a name, or with one that `knows_name` denies, is refused with the TLS alert
    unrecognized_name.
    """

    def __init__(
        self,
        *,
        authority: Authority,
        knows_name: Callable[[str], bool],
        upstream: tuple[str, int],
        faults: Faults,
        port: int = 0,
    ) -> None:
        self._authority = authority
        self._knows_name = knows_name
        self._upstream = upstream
        self._faults = faults
        self._port = port
        self._server: asyncio.Server | None = None
        self._pipes: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Returns the port."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sni_callback = self._choose
        self._server = await asyncio.start_server(
            self._accept,
            "127.0.0.1",
            self._port,
            ssl=context,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            ssl_shutdown_timeout=_SHUTDOWN_SECONDS,
            limit=_CHUNK,
            backlog=1024,
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Closes the port and every connection."""
        if self._server is not None:
            self._server.close()
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> int | None:
        if name is None or not self._knows_name(name.lower()):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = self._authority.context(name.lower())
        return None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pipe = asyncio.create_task(self._pipe(reader, writer))
        self._pipes.add(pipe)
        pipe.add_done_callback(self._pipes.discard)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(*self._upstream, limit=_CHUNK)
        except OSError as error:
            _log.warning("the edge is not reachable: %s", error)
            writer.transport.abort()
            return
        inbound = asyncio.create_task(_copy(reader, inner_writer, lambda: self._disturb(writer)))
        try:
            # The answer decides the end: a client that has closed its side may still wait for it.
            await _copy(inner_reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        finally:
            inbound.cancel()
            inner_writer.close()
            writer.transport.abort()

    async def _disturb(self, writer: asyncio.StreamWriter) -> bool:
        """Does what the faults say to what this client just sent; whether it is passed on."""
        name = self._authority.name(writer.get_extra_info("ssl_object").context)
        for fault in self._faults.strike(writer.get_extra_info("peername")[0], name):
            if fault.kind == "latency":
                await asyncio.sleep(fault.latency_ms / 1000)
            elif fault.kind == "timeout":
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(fault.over.wait(), fault.remaining())
            else:
                if fault.kind == "reset":
                    linger = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    writer.transport.abort()
                else:
                    writer.write(_error(fault))
                    writer.close()
                return False
        return True


def _error(fault: Fault) -> bytes:
    """An answer of something in between, as a browser gets it."""
    body = f"<html><body><h1>{fault.status}</h1><p>{fault.message}</p></body></html>".encode()
    head = (
        f"HTTP/1.1 {fault.status} Injected\r\ncontent-type: text/html; charset=UTF-8\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


async def _copy(
    source: asyncio.StreamReader,
    sink: asyncio.StreamWriter,
    passes: Callable[[], Awaitable[bool]] | None = None,
) -> None:
    """Copies to the end of `source`, or to what does not pass, and passes the end on, where TLS allows it."""
    with contextlib.suppress(OSError):
        while data := await source.read(_CHUNK):
            if passes is not None and not await passes():
                sink.close()
                return
            sink.write(data)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
