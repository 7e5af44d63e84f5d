"""A message over a WebSocket, and the answer that is waited for."""

from __future__ import annotations

import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from ..faults import in_words
from ..probe.connect import NoAnswer
from .ask import Way

__all__ = ["exchange"]

_USER_AGENT = "knowngood-probe"
# Bytes of one message.
_LARGEST = 1 << 20


def exchange(url: str, headers: Mapping[str, str], send: Any, way: Way, is_it: Callable[[str], bool]) -> None:
    """Connect, send (``None``: nothing; text, or else JSON), and read until ``is_it`` or the time is up.

    Raises :class:`NoAnswer` when there is no connection, or it ends before a message came.
    """
    until = time.monotonic() + way.timeout
    came = False
    try:
        with _connected(url, headers, way) as connection:
            if send is not None:
                connection.send(send if isinstance(send, str) else json.dumps(send))
            while (left := until - time.monotonic()) > 0:
                try:
                    message = connection.recv(timeout=left)
                except TimeoutError:
                    break
                came = True
                if is_it(message if isinstance(message, str) else message.decode("utf-8", "replace")):
                    return
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
    except (OSError, WebSocketException) as error:
        raise NoAnswer("no answer in time" if isinstance(error, TimeoutError) else in_words(error)) from None
    if not came:
        raise NoAnswer("no message in time")


def _connected(url: str, headers: Mapping[str, str], way: Way) -> ClientConnection:
    parts = urlsplit(url)
    secure = parts.scheme == "wss"
    options: dict[str, Any] = {}
    if way.connect_to:
        host, _, port = way.connect_to.rpartition(":")
        options = {"sock": socket.create_connection((host, int(port)), way.timeout), "proxy": None}
    if secure:
        options["ssl"] = ssl.create_default_context(cafile=way.ca_file or None)
    return connect(
        url,
        additional_headers=dict(headers),
        user_agent_header=_USER_AGENT,
        open_timeout=way.timeout,
        close_timeout=1,
        max_size=_LARGEST,
        **options,
    )
