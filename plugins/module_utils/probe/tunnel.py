"""The way through a proxy: HTTP CONNECT (RFC 9110, 9.3.6) and SOCKS5 (RFC 1928, with the passwords of RFC 1929).

A proxy that does not work says nothing of what lies behind it, and one that cannot reach it says a lot: the two are
told apart. Names are resolved behind the proxy, because that is where the question is asked from.
"""

from __future__ import annotations

import asyncio
import socket
from base64 import b64encode
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

__all__ = ["Proxy", "ProxyFault", "Unreached", "problem_of"]

_SCHEMES = {"http": 8080, "socks5": 1080, "socks5h": 1080}
# What a proxy answers when it is what lies behind it that fails.
_BEHIND = (502, 503, 504)
_REPLIES = {
    2: "its rules do not allow it",
    3: "the network is not reachable",
    4: "the host is not reachable",
    5: "connection refused",
    6: "no answer in time",
}
_LONGEST_HEAD = 16384


class ProxyFault(OSError):
    """The proxy itself cannot be used."""


class Unreached(OSError):
    """The proxy works, and what lies behind it does not answer."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """``host`` and ``port`` of the proxy itself. ``password`` is never shown."""

    scheme: str
    host: str
    port: int
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Proxy:
        """From ``http://user:password@host:port`` or ``socks5://...``. Raises ValueError."""
        if (problem := problem_of(url)) is not None:
            raise ValueError(problem)
        parts = urlsplit(url)
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(parts.scheme, parts.hostname or "", parts.port or _SCHEMES[parts.scheme], user, password)

    @property
    def greets(self) -> bool:
        """Whether it answers before what lies behind it does. With CONNECT, silence may be that of either."""
        return self.scheme != "http"

    async def lead(self, sock: socket.socket, host: str, port: int, patience: float) -> None:
        """Make a connection to the proxy one to ``host:port``. Raises :class:`ProxyFault`, :class:`Unreached`.

        ``patience`` is how many seconds the proxy itself has to answer.
        """
        try:
            if self.scheme == "http":
                await self._connect(sock, host, port)
            else:
                async with asyncio.timeout(patience):
                    await self._greet(sock)
                await self._socks5(sock, host, port)
        except TimeoutError:
            raise ProxyFault("the proxy does not answer in time") from None
        except (ProxyFault, Unreached):
            raise
        except (OSError, EOFError, ValueError) as error:
            raise ProxyFault("the proxy closed the connection, or speaks something else") from error

    async def _connect(self, sock: socket.socket, host: str, port: int) -> None:
        to = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        login = ""
        if self.user:
            told = b64encode(f"{self.user}:{self.password}".encode()).decode()
            login = f"Proxy-Authorization: Basic {told}\r\n"
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            # Byte by byte: what comes after the head belongs to what lies behind the proxy.
            head += await _exactly(sock, 1)
            if len(head) > _LONGEST_HEAD:
                raise ValueError("no end of the head")
        version, _, rest = head.partition(b" ")
        status = int(rest[:3])
        if not version.startswith(b"HTTP/1"):
            raise ValueError("not HTTP")
        if status in _BEHIND:
            raise Unreached(f"the proxy cannot reach it (it answers {status})")
        if not 200 <= status < 300:
            why = "it asks for a user and a password" if status == 407 else f"it answers {status}"
            raise ProxyFault(f"the proxy refuses: {why}")

    async def _greet(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        ways = b"\x00\x02" if self.user else b"\x00"
        await loop.sock_sendall(sock, bytes([5, len(ways)]) + ways)
        version, way = await _exactly(sock, 2)
        if version != 5:
            raise ValueError("not SOCKS5")
        if way == 2 and self.user:
            user, password = self.user.encode(), self.password.encode()
            told = bytes([1, len(user)]) + user + bytes([len(password)]) + password
            await loop.sock_sendall(sock, told)
            if (await _exactly(sock, 2))[1]:
                raise ProxyFault("the proxy refuses: it does not accept the password")
        elif way:
            raise ProxyFault("the proxy refuses: it asks for a user and a password")

    async def _socks5(self, sock: socket.socket, host: str, port: int) -> None:
        loop, name = asyncio.get_running_loop(), host.encode("idna")
        await loop.sock_sendall(
            sock, b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big")
        )
        version, reply, _, kind = await _exactly(sock, 4)
        if version != 5:
            raise ValueError("not SOCKS5")
        if reply == 2:
            raise ProxyFault(f"the proxy refuses: {_REPLIES[2]}")
        if reply:
            raise Unreached(f"the proxy cannot reach it ({_REPLIES.get(reply, f'reply {reply}')})")
        # The address that it connects from, which nobody needs.
        length = {1: 4, 4: 16}.get(kind) or (await _exactly(sock, 1))[0]
        await _exactly(sock, length + 2)


def problem_of(url: object) -> str | None:
    """What is wrong with a proxy's address, or ``None``. Does not repeat it: it may hold a password."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        good = bool(parts and parts.scheme in _SCHEMES and parts.hostname and parts.port != 0)
        long = [part for part in (parts.username, parts.password) if len(part or "") > 255] if parts else []
    except ValueError:
        good, long = False, []
    if good and not long:
        return None
    return "must be the address of a proxy: http://host:port (CONNECT) or socks5://host:port"


async def _exactly(sock: socket.socket, length: int) -> bytes:
    loop, got = asyncio.get_running_loop(), b""
    while len(got) < length:
        part = await loop.sock_recv(sock, length - len(got))
        if not part:
            raise EOFError
        got += part
    return got
