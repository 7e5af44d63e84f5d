"""Requests to Cloudflare's API: one pool, one rate budget, bounded retries, every attempt in the journal."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from ..concurrent import POOL
from ..faults import in_words
from ..journal import Journal
from .errors import CloudflareError, Refused, SecretChanged, Unanswered, secret_names
from .pace import Pace

__all__ = ["Client"]

_SECRET_CHANGED = 10220
_NEVER_SENT = ("connection refused", "no connection in time", "the name does not resolve")


class Client:
    """Speaks the envelope of ``/client/v4``.

    ``timeout`` bounds one attempt, ``patience`` all attempts of one call, both in seconds. Reads are
    tried again after 429, 5xx and connection faults; a write only after 429, which Cloudflare sends
    before it does anything. A write without an answer raises :class:`Unanswered`. A path is below the
    account, or from the root of the API when it begins with a slash (zones).
    """

    def __init__(
        self,
        url: str,
        token: str,
        account: str,
        journal: Journal,
        *,
        timeout: float = 15,
        patience: float = 60,
    ) -> None:
        self.account = account
        self._url = url.rstrip("/")
        self._journal = journal
        self._timeout = timeout
        self._patience = patience
        self._pace = Pace(
            lambda seconds: journal.write("api.wait", seconds=round(seconds, 1), why="rate limit")
        )
        self._session = requests.Session()
        # The environment's proxies and .netrc would change what is sent, and cost a look-up for each request.
        self._session.trust_env = url.startswith("https:")
        self._session.headers.update({"Authorization": f"Bearer {token}", "User-Agent": "knowngood"})
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=POOL)
        self._session.mount(self._url, adapter)

    def read(self, path: str, **params: Any) -> Any:
        """The ``result`` of a GET below the account."""
        return self._call("GET", path, params=params)

    def pages(self, path: str, **params: Any) -> Iterator[Any]:
        """The items of all pages of a GET below the account that goes on with a cursor."""
        following: dict[str, Any] = {}
        while True:
            page = self.download(path, **params, **following)
            yield from _result(page, "GET", path, page.headers.get("cf-ray"))
            following = {"cursor": (page.json().get("result_info") or {}).get("cursor")}
            if not following["cursor"]:
                return

    def ask(self, path: str, body: Any) -> Any:
        """The ``result`` of a POST below the account that only reads, and so is tried again like a GET."""
        return self._call("POST", path, params={}, body=body, reads=True)

    def write(self, path: str, body: Any = None, **params: Any) -> Any:
        """The ``result`` of a POST below the account."""
        return self._call("POST", path, params=params, body=body)

    def call(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """The ``result`` of any other write below the account: PUT, PATCH or DELETE. ``bytes`` are sent as they are."""
        return self._call(method, path, params=params, body=body)

    def download(self, path: str, **params: Any) -> requests.Response:
        """The answer to a GET below the account that comes without the envelope (the code of a version)."""
        answer: requests.Response = self._call("GET", path, params=params, whole=True)
        return answer

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, Any],
        body: Any = None,
        whole: bool = False,
        reads: bool = False,
    ) -> Any:
        reads = reads or method == "GET"
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            attempt += 1
            fault, pause = "", min(5.0, 0.2 * 2**attempt) * random.uniform(0.5, 1)
            try:
                response = self._send(method, path, params, body, attempt)
            except requests.RequestException as error:
                fault = f"{method} {path}: {in_words(error)}"
                if not reads and in_words(error) not in _NEVER_SENT:
                    raise Unanswered(fault) from None
            else:
                ray = response.headers.get("cf-ray")
                if response.status_code != 429 and response.status_code < 500:
                    return response if whole and response.ok else _result(response, method, path, ray)
                fault = f"{method} {path}: status {response.status_code}{_said(response)}"
                if response.status_code == 429:
                    pause = max(pause, _seconds(response.headers.get("retry-after")))
                elif not reads:
                    raise Unanswered(fault, ray=ray)
            if time.monotonic() + pause > deadline:
                raise CloudflareError(f"{fault} (after {attempt} attempts)")
            self._journal.write("api.retry", fault=fault, pause=round(pause, 2))
            time.sleep(pause)

    def _send(
        self, method: str, path: str, params: dict[str, Any], body: Any, attempt: int
    ) -> requests.Response:
        full = self._url + (path if path.startswith("/") else f"/accounts/{self.account}/{path}")
        with self._pace:
            began = time.monotonic()
            status: int | str = "no answer"
            ray = None
            try:
                content = {"data": body} if isinstance(body, bytes) else {"json": body}
                response = self._session.request(
                    method, full, params=params, timeout=self._timeout, **content
                )
                status, ray = response.status_code, response.headers.get("cf-ray")
                self._pace.observe(response.headers)
                return response
            finally:
                self._journal.write(
                    "api",
                    method=method,
                    path=path,
                    query=params or None,
                    status=status,
                    ray=ray,
                    attempt=attempt,
                    seconds=round(time.monotonic() - began, 4),
                )


def _result(response: requests.Response, method: str, path: str, ray: str | None) -> Any:
    try:
        envelope = response.json()
        if envelope["success"]:
            return envelope["result"]
        error = (envelope.get("errors") or [{}])[0]
        code, message = error.get("code"), error.get("message", "no reason given")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        where = "is the address right?" if response.status_code < 400 else "something between us answered"
        raise Refused(
            f"{method} {path}: status {response.status_code}, not Cloudflare's envelope ({where})", ray=ray
        ) from None
    if code == _SECRET_CHANGED:
        raise SecretChanged(message, secret_names(message), ray=ray)
    raise Refused(
        f"{method} {path}: {message} (code {code}, status {response.status_code})", code=code, ray=ray
    )


def _said(response: requests.Response) -> str:
    try:
        errors = response.json()["errors"]
        return "".join(f", {error['message']} (code {error['code']})" for error in errors[:1])
    except (ValueError, KeyError, TypeError):
        return ""


def _seconds(value: str | None) -> float:
    try:
        return float(value or 0)
    except ValueError:
        return 5.0
