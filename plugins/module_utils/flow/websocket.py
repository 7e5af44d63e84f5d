"""A message over a WebSocket, and the answer that is waited for."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

# Not websockets.sync: it reads and writes a TLS connection in two threads at once, which OpenSSL does not allow; with
# processors that are busy, one request in 300 was lost on its way (measured, websockets 15.0.1).
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from ..faults import in_words
from ..probe.connect import NoAnswer
from .ask import Way

__all__ = ["exchange"]

_USER_AGENT = "knowngood-probe"
# Bytes of one message.
_LARGEST = 1 << 20


def exchange(url: str, headers: Mapping[str, str], send: Any, way: Way, is_it: Callable[[str], bool]) -> None:
    """Connect, send (``None``: nothing; text, or else JSON), and read until ``is_it`` or the time is up.

    Raises :class:`NoAnswer` when there is no connection, or it ends before a message came. Not for a thread with an
    event loop of asyncio.
    """
    came, silence = False, "no answer in time"

    async def talk() -> None:
        nonlocal came, silence
        async with asyncio.timeout(way.timeout), _connected(url, headers, way) as connection:
            silence = "no message in time"
            if send is not None:
                await connection.send(send if isinstance(send, str) else json.dumps(send))
            while True:
                message = await connection.recv()
                came = True
                if is_it(message if isinstance(message, str) else message.decode("utf-8", "replace")):
                    return

    try:
        asyncio.run(talk())
    except InvalidStatus as error:
        status = error.response.status_code
        raise NoAnswer(f"status {status} instead of 101, so there is no WebSocket") from None
    except ConnectionClosed as error:
        if came:
            return
        code = error.rcvd.code if error.rcvd else "no reason"
        raise NoAnswer(f"the WebSocket was closed before an answer came ({code})") from None
    except InvalidHandshake:
        raise NoAnswer("the answer is not that of a WebSocket") from None
    except TimeoutError:
        if not came:
            raise NoAnswer(silence) from None
    except (OSError, WebSocketException) as error:
        raise NoAnswer(in_words(error)) from None


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        # Another place is not what is asked, and headers may be secrets.
        return exc


def _connected(url: str, headers: Mapping[str, str], way: Way) -> _Connect:
    options: dict[str, Any] = {}
    if way.connect_to:
        host, _, port = way.connect_to.rpartition(":")
        options = {"host": host, "port": int(port), "proxy": None}
    parts = urlsplit(url)
    if parts.scheme == "wss":
        options["ssl"] = ssl.create_default_context(cafile=way.ca_file or None)
        options["server_hostname"] = parts.hostname
    return _Connect(
        url,
        additional_headers=dict(headers),
        user_agent_header=_USER_AGENT,
        open_timeout=way.timeout,
        close_timeout=1,
        max_size=_LARGEST,
        **options,
    )
