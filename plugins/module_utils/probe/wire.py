"""HTTP/1.1 on connections that are kept, for many requests at once, with the time that each phase takes.

``requests`` needs a thread for each request that is on its way; a few hundred of them would measure this machine.
Proxies and trusted certificates are those that ``requests`` finds, so that both ways of asking see the same.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from ..faults import in_words
from .contract import Answer

__all__ = ["Connection", "Dropped", "Way", "fault_of"]

# As connect.py.
_USER_AGENT = "knowngood-probe"
_PORTS = {"https": 443, "http": 80}
_NO_BODY = (204, 304)


class Dropped(Exception):
    """The connection was closed before the first byte of an answer came."""


@dataclass(slots=True)
class Connection:
    """An open connection; ``dns``, ``connect`` and ``tls`` are the seconds that its phases took."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    dns: float
    connect: float
    tls: float
    used: bool = False


class Way:
    """How to ask one address. ``connect_to`` is ``host:port`` or empty, ``ca_file`` a path or empty.

    Raises OSError when the trusted certificates cannot be read.
    """

    def __init__(self, url: str, *, connect_to: str = "", ca_file: str = "") -> None:
        parts = urlsplit(url)
        self._name, self._address, self._tunnel = parts.hostname or "", _address(parts), b""
        proxy = None
        with requests.Session() as session:
            session.trust_env = not connect_to
            found = session.merge_environment_settings(url, {}, None, None, None)
        if connect_to:
            self._address = _address(urlsplit(f"{parts.scheme}://{connect_to}"))
        else:
            proxy = requests.utils.select_proxy(url, found["proxies"])
        if proxy:
            to = f"{self._address[0]}:{self._address[1]}"
            self._tunnel = f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n".encode()
            self._address = _address(urlsplit(proxy if "://" in proxy else f"http://{proxy}"))
        trusted = ca_file or (
            found["verify"] if isinstance(found["verify"], str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
        )
        self._ssl = _trusting(trusted) if parts.scheme == "https" else None
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nUser-Agent: {_USER_AGENT}\r\n"
            "Accept: */*\r\nAccept-Encoding: identity\r\nCache-Control: no-cache\r\n\r\n"
        ).encode()

    async def open(self) -> Connection:
        """A new connection. Raises OSError, ssl.SSLError among them."""
        loop = asyncio.get_running_loop()
        began = time.monotonic()
        found = await loop.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
        resolved = time.monotonic()
        sock = await _connected(loop, found)
        try:
            if self._tunnel:
                await _through(loop, sock, self._tunnel)
            connected = time.monotonic()
            name = self._name if self._ssl else None
            reader, writer = await asyncio.open_connection(sock=sock, ssl=self._ssl, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        ready = time.monotonic()
        return Connection(reader, writer, resolved - began, connected - resolved, ready - connected)

    async def ask(self, connection: Connection) -> tuple[Answer, float, bool]:
        """The answer, the seconds until its first byte, and whether the connection can be used again."""
        reader, writer = connection.reader, connection.writer
        began = time.monotonic()
        try:
            writer.write(self._request)
            first = await reader.readexactly(1)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise Dropped from None
        came = time.monotonic() - began
        status, headers = await _head(reader, first)
        body, ends = await _body(reader, status, headers)
        kept = not ends and headers.get("connection", "").lower() != "close"
        seconds = time.monotonic() - began
        answer = Answer(status, headers, body, seconds, ray=headers.get("cf-ray"))
        return answer, came, kept


def fault_of(error: Exception) -> str:
    """What went wrong, in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, Dropped | EOFError):
        return "connection closed without an answer"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "connection reset"
    if isinstance(error, ValueError | asyncio.LimitOverrunError):
        return "the answer is not HTTP"
    return in_words(error)


def _trusting(certificates: str) -> ssl.SSLContext:
    if Path(certificates).is_dir():
        return ssl.create_default_context(capath=certificates)
    return ssl.create_default_context(cafile=certificates)


def _address(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


async def _connected(loop: asyncio.AbstractEventLoop, found: Iterable[tuple[Any, ...]]) -> socket.socket:
    """To the first of the addresses that takes a connection."""
    trouble: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            trouble = error
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise trouble or OSError("the name does not resolve")


async def _through(loop: asyncio.AbstractEventLoop, sock: socket.socket, request: bytes) -> None:
    await loop.sock_sendall(sock, request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = await loop.sock_recv(sock, 4096)
        if not part:
            raise ConnectionResetError("the proxy closed the connection")
        answer += part
    if answer.split(b" ", 2)[1:2] != [b"200"]:
        raise ConnectionRefusedError("the proxy refuses")


async def _head(reader: asyncio.StreamReader, first: bytes) -> tuple[int, CaseInsensitiveDict[str]]:
    while True:
        lines = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        status = int(rest[:3])
        if not version.startswith("HTTP/1"):
            raise ValueError(version)
        if status >= 200:
            break
        first = b""
    headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            value = value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return status, headers


async def _body(
    reader: asyncio.StreamReader, status: int, headers: CaseInsensitiveDict[str]
) -> tuple[bytes, bool]:
    """The body, and whether the connection ended with it."""
    if status in _NO_BODY:
        return b"", False
    if "chunked" in headers.get("transfer-encoding", "").lower():
        parts = []
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        while (await reader.readuntil(b"\r\n")) != b"\r\n":
            pass
        return b"".join(parts), False
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"])), False
    return await reader.read(), True
