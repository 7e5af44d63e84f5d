"""Requests of an outside observer: each over a connection of its own, from a vantage point of its own.

A vantage point is an address of this machine that the connection comes from, so that a fault can be between the
application and some of its users only.
"""

from __future__ import annotations

import json
import socket
import ssl
import time
from functools import cached_property
from http.client import HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from requests.structures import CaseInsensitiveDict

from ..probe.contract import Answer

__all__ = ["NoAnswer", "Vantage"]


class NoAnswer(Exception):
    """Nothing came back: the reason in a few words."""


class Vantage:
    """``connect_to`` is ``host:port`` or empty, ``ca_file`` a path or empty; ``source`` an address to come from."""

    def __init__(self, *, connect_to: str, ca_file: str, source: str = "", timeout: float = 3) -> None:
        self._connect_to = connect_to
        self._ca_file = ca_file
        self._source = source
        self._timeout = timeout

    def ask(self, method: str, url: str, body: Any = None) -> Answer:
        """One request, with a body of JSON where there is one. Raises :class:`NoAnswer`."""
        parts = urlsplit(url)
        name = parts.hostname or ""
        host, _, port = self._connect_to.rpartition(":")
        began = time.monotonic()
        try:
            raw = socket.create_connection(
                (host or name, int(port or parts.port or 443)),
                self._timeout,
                (self._source, 0) if self._source else None,
            )
            connection = HTTPSConnection(name, timeout=self._timeout)
            try:
                connection.sock = self._tls.wrap_socket(raw, server_hostname=name)
                path = parts.path or "/"
                sent = None if body is None else json.dumps(body)
                headers = {"User-Agent": "knowngood-drill", "Cache-Control": "no-cache"}
                if sent is not None:
                    headers["Content-Type"] = "application/json"
                connection.request(method, f"{path}?{parts.query}" if parts.query else path, sent, headers)
                response = connection.getresponse()
                content = response.read()
            finally:
                connection.close()
                raw.close()
        except TimeoutError:
            raise NoAnswer(f"no answer in {self._timeout:g} s") from None
        except ssl.SSLError as error:
            raise NoAnswer(f"TLS: {error.reason or error}") from None
        except ConnectionResetError:
            # http.client knows a reset inside of TLS as an end without an answer, which is one too.
            raise NoAnswer("the connection was reset") from None
        except (OSError, HTTPException) as error:
            raise NoAnswer(getattr(error, "strerror", None) or type(error).__name__) from None
        told = CaseInsensitiveDict(response.getheaders())
        return Answer(response.status, told, content, time.monotonic() - began, ray=told.get("cf-ray"))

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._ca_file or None)
