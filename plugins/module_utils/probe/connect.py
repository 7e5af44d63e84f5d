"""HTTP to a name, over an address of our choice.

What ``curl --connect-to`` does: the real name in the request, in SNI and in the check of the
certificate, and the connection to somewhere else. The local environment is reached this way, and a
single Cloudflare location could be.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter

from ..faults import in_words
from .contract import Answer

__all__ = ["Connector", "NoAnswer"]

# Some applications answer 403 to a request without one (application.md, 1.7).
_USER_AGENT = "knowngood-probe"


class NoAnswer(Exception):
    """Nothing came back: the reason in a few words."""


class Connector:
    """Sends requests. ``connect_to`` is ``host:port`` or empty, ``ca_file`` a path or empty (system CAs)."""

    def __init__(self, *, connect_to: str = "", ca_file: str = "", timeout: float = 10) -> None:
        self._connect_to = connect_to
        self._ca_file = ca_file
        self._timeout = timeout

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One GET over a connection of its own, redirects not followed. Raises :class:`NoAnswer`."""
        return self.ask("GET", url, headers=headers)

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request as :meth:`get`, with a body of JSON or of a form where there is one."""
        with requests.Session() as session:
            session.trust_env = not self._connect_to
            if self._connect_to:
                session.mount("https://", _ConnectTo(self._connect_to, urlsplit(url).hostname or ""))
            began = time.monotonic()
            try:
                with session.request(
                    method,
                    url,
                    headers={"User-Agent": _USER_AGENT, "Cache-Control": "no-cache", **(headers or {})},
                    json=json,
                    data=form,
                    timeout=self._timeout,
                    verify=self._ca_file or True,
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    tls_version, tls_days = _tls(response)
                    body = response.content
            except requests.RequestException as error:
                raise NoAnswer(in_words(error)) from None
            return Answer(
                status=response.status_code,
                headers=response.headers,
                body=body,
                seconds=time.monotonic() - began,
                tls_version=tls_version,
                tls_days=tls_days,
                ray=response.headers.get("cf-ray"),
            )


class _ConnectTo(HTTPAdapter):
    def __init__(self, address: str, name: str) -> None:
        self._address = address
        self._name = name
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, server_hostname=self._name, assert_hostname=self._name, **kwargs)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        request.headers["Host"] = parts.netloc.rpartition("@")[2]
        request.url = urlunsplit(parts._replace(netloc=self._address))
        return super().send(request, *args, **kwargs)


def _tls(response: requests.Response) -> tuple[str | None, float | None]:
    socket = getattr(getattr(response.raw, "connection", None), "sock", None)
    if socket is None or not hasattr(socket, "getpeercert"):
        return None, None
    expires = datetime.strptime(socket.getpeercert()["notAfter"], "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
    return socket.version(), (expires - datetime.now(UTC)).total_seconds() / 86400
