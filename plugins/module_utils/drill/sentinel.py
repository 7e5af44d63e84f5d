"""Somebody who writes all through a drill, and knows what was acknowledged: what is missing afterwards is lost."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import jmespath

from ..concurrent import each
from .ask import NoAnswer, Vantage

__all__ = ["Sentinel"]

_EVERY = 0.5
_TRIES = 5
_PAUSE = 0.5


class Sentinel:
    """Writes through the application's public API, as ``drills.sentinel`` declares it.

    ``url`` is POSTed to with ``send``, in which ``{name}`` becomes the name of the write; the JMESPath ``id`` finds in
    the answer what the row is called, and GET and DELETE of ``url``/id read it back and take it away.
    """

    def __init__(self, vantage: Vantage, declared: Mapping[str, Any], name: str) -> None:
        self._vantage = vantage
        self._url = str(declared["url"]).rstrip("/")
        self._send = declared.get("send") or {}
        self._id = jmespath.compile(str(declared.get("id") or "id"))
        self._name = name
        self._ends = threading.Event()
        self._acknowledged: list[str] = []
        self.tried = 0

    @property
    def acknowledged(self) -> int:
        return len(self._acknowledged)

    def run(self) -> None:
        """Writes until :meth:`end`; what was not acknowledged is no loss."""
        while not self._ends.wait(_EVERY):
            self.tried += 1
            with suppress(NoAnswer, ValueError):
                answer = self._vantage.ask(
                    "POST", self._url, _filled(self._send, f"{self._name} {self.tried}")
                )
                if answer.status in (200, 201):
                    found = self._id.search(json.loads(answer.body))
                    if found:
                        self._acknowledged.append(str(found))

    def end(self) -> None:
        self._ends.set()

    def missing(self) -> list[str]:
        """Ids of acknowledged writes that are not there any more. Raises :class:`NoAnswer` when nobody can say."""

        found = []
        for id_, there in zip(self._acknowledged, each(self._is_there, self._acknowledged), strict=True):
            if isinstance(there, Exception):
                raise there
            if not there:
                found.append(id_)
        return found

    def _is_there(self, id_: str) -> bool:
        told = ""
        for _ in range(_TRIES):
            try:
                status = self._vantage.ask("GET", f"{self._url}/{id_}").status
            except NoAnswer as error:
                told = str(error)
            else:
                if status in (200, 404):
                    return status == 200
                told = f"status {status}"
            time.sleep(_PAUSE)
        raise NoAnswer(f"GET {self._url}/{id_}: {told}")

    def clean_up(self) -> None:
        """Take the rows away again, as far as they are there."""
        each(lambda id_: self._vantage.ask("DELETE", f"{self._url}/{id_}"), self._acknowledged)


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, str):
        return value.replace("{name}", name)
    if isinstance(value, Mapping):
        return {key: _filled(item, name) for key, item in value.items()}
    return value
