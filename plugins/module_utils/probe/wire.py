"""HTTP/1.1, with the time that each phase takes, and an end to everything: to waiting as to what a service sends.

``requests`` waits for each part of an answer anew, so one that comes drop by drop has no end; it unpacks what it is
sent; and it needs a thread for each request that is on its way. The proxies and the trusted certificates are those
that ``requests`` finds in the environment. Nothing is asked compressed, and redirects are not followed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from ..faults import in_words
from .certificate import Certificate
from .contract import Answer
from .tunnel import Proxy, ProxyFault, Unreached

__all__ = ["FAULTS", "Connection", "Dropped", "TooMuch", "Way", "fault_of"]

# Some applications answer 403 to a request without one (application.md, 1.7).
_USER_AGENT = "knowngood-probe"
# Bytes of a body. What says how a service is, is small; a page is not much larger.
_MOST = 1 << 20
_PORTS = {"https": 443, "http": 80}
_NO_BODY = (204, 304)


class Dropped(Exception):
    """The connection was closed before the first byte of an answer came."""


class Broken(OSError):
    """The connection was made, and did not become one that can be used."""


class TooMuch(Exception):
    """A body without an end, or nearly so."""


# All that asking raises, when no answer comes; and what cannot be parsed as one.
FAULTS = (OSError, EOFError, ValueError, Dropped, TooMuch, asyncio.LimitOverrunError)


@dataclass(slots=True)
class Connection:
    """An open connection; ``dns``, ``connect`` and ``tls`` are the seconds that its phases took."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    dns: float
    connect: float
    tls: float
    used: bool = False
    tls_version: str | None = None
    certificate: Certificate | None = None


class Way:
    """How to ask one address. ``connect_to`` is ``host:port`` or empty, ``ca_file`` a path or empty.

    With ``connect_to`` the connection goes there, while the request, SNI and the check of the certificate keep the
    real name: what ``curl --connect-to`` does. ``proxy`` is the address of one (tunnel.py); without it and without
    ``connect_to`` the proxy of the environment is used; ``patience`` is how many seconds it has to greet.
    Raises OSError when the trusted certificates cannot be read, and ValueError when the proxy is none.
    """

    def __init__(
        self,
        url: str,
        *,
        connect_to: str = "",
        ca_file: str = "",
        proxy: str = "",
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
        patience: float = 5,
    ) -> None:
        parts = urlsplit(url)
        self._patience, self._has_body = patience, method != "HEAD"
        self._name, self._address = parts.hostname or "", _address(parts)
        if connect_to:
            self._address = _address(urlsplit(f"{parts.scheme}://{connect_to}"))
        with requests.Session() as session:
            session.trust_env = not connect_to
            found = session.merge_environment_settings(url, {}, None, None, None)
        if not proxy and not connect_to:
            proxy = requests.utils.select_proxy(url, found["proxies"]) or ""
        self.proxy = Proxy.of(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
        trusted = ca_file or (
            found["verify"] if isinstance(found["verify"], str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
        )
        self._ssl = _trusting(trusted) if parts.scheme == "https" else None
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        asked = {
            "Host": parts.netloc.rpartition("@")[2],
            "User-Agent": _USER_AGENT,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Cache-Control": "no-cache",
            **({} if body is None else {"Content-Length": str(len(body))}),
            **(headers or {}),
        }
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode() + (body or b"")

    async def open(self) -> Connection:
        """A new connection. Raises OSError: ssl.SSLError, ProxyFault and Unreached are among them."""
        began = time.monotonic()
        through = self.proxy
        host, port = (through.host, through.port) if through else self._address
        try:
            found = await _resolved(host, port)
            resolved = time.monotonic()
            sock = await _connected(found)
        except OSError as error:
            if through:
                raise ProxyFault(f"the proxy does not answer: {fault_of(error)}") from error
            raise
        try:
            if through:
                await through.lead(sock, *self._address, patience=self._patience)
            connected = time.monotonic()
            name = self._name if self._ssl else None
            reader, writer = await asyncio.open_connection(sock=sock, ssl=self._ssl, server_hostname=name)
        except ConnectionError as error:
            sock.close()
            raise (Broken("the TLS handshake was broken off") if self._ssl else error) from None
        except BaseException:
            sock.close()
            raise
        ready = time.monotonic()
        made = Connection(reader, writer, resolved - began, connected - resolved, ready - connected)
        secured = writer.get_extra_info("ssl_object")
        if secured is not None:
            made.tls_version, made.certificate = secured.version(), Certificate.of(secured)
        return made

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
        body, ends = await _body(reader, status, headers) if self._has_body else (b"", False)
        kept = not ends and headers.get("connection", "").lower() != "close"
        seconds = time.monotonic() - began
        answer = Answer(
            status,
            headers,
            body,
            seconds,
            tls_version=connection.tls_version,
            certificate=connection.certificate,
            ray=headers.get("cf-ray"),
        )
        return answer, came, kept


def fault_of(error: Exception) -> str:
    """What went wrong, in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        # One that a certificate is to blame for is a ValueError as well.
        return in_words(error)
    if isinstance(error, Dropped):
        return "connection closed without an answer"
    if isinstance(error, EOFError):
        return "the connection was closed in the middle of the answer"
    if isinstance(error, TooMuch):
        return f"the answer is longer than {_MOST >> 20} MB"
    if isinstance(error, Broken | ProxyFault | Unreached):
        return str(error)
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "connection reset"
    if isinstance(error, ValueError | asyncio.LimitOverrunError):
        return "the answer is not HTTP"
    return in_words(error)


# Reading the certificates of a system takes 20 ms, and each request needs them.
@lru_cache(maxsize=8)
def _trusting(certificates: str) -> ssl.SSLContext:
    if Path(certificates).is_dir():
        return ssl.create_default_context(capath=certificates)
    return ssl.create_default_context(cafile=certificates)


def _address(parts: SplitResult) -> tuple[str, int]:
    return parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443)


async def _resolved(host: str, port: int) -> list[tuple[Any, ...]]:
    """The addresses of a name. Not waited for any longer than the caller does: a resolver may take its time."""
    with suppress(socket.gaierror):
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[tuple[Any, ...]]] = loop.create_future()

    def tell(result: list[tuple[Any, ...]] | OSError) -> None:
        if found.done():
            return
        if isinstance(result, OSError):
            found.set_exception(result)
        else:
            found.set_result(result)

    def look() -> None:
        result: list[tuple[Any, ...]] | OSError
        try:
            result = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            result = error
        except UnicodeError:
            result = socket.gaierror("the name does not resolve")
        # The loop may be gone by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(tell, result)

    # The threads of an executor would be waited for at the end.
    threading.Thread(target=look, daemon=True).start()
    return await found


async def _connected(found: Iterable[tuple[Any, ...]]) -> socket.socket:
    """To the first of the addresses that takes a connection."""
    loop = asyncio.get_running_loop()
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
        parts, so_far = [], 0
        while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            so_far += size
            if so_far > _MOST:
                raise TooMuch
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        while (await reader.readuntil(b"\r\n")) != b"\r\n":
            pass
        return b"".join(parts), False
    if "content-length" in headers:
        if (length := int(headers["content-length"])) > _MOST:
            raise TooMuch
        return await reader.readexactly(length), False
    body = b""
    while part := await reader.read(65536):
        body += part
        if len(body) > _MOST:
            raise TooMuch
    return body, True
