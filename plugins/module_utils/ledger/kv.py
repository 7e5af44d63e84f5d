"""A ledger in a namespace of Workers KV, for runners that keep no disk.

KV has no compare-and-set, and shows a write elsewhere after up to 60 seconds (Cloudflare's page "How KV
works"). So each append has a key of its own: writers that did not see each other make a fork, which the
next entry joins, and nothing is lost. A slot is decided by reading it back, see :meth:`Kv.swap`.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ..cloudflare.client import Client
from ..cloudflare.errors import CloudflareError, Unanswered
from ..concurrent import each
from .chain import Missing, Piece, entries
from .errors import LedgerError
from .slots import decoded, encoded, same

__all__ = ["Kv"]

# What one bulk get takes (API reference, "Get multiple key-value pairs").
_BULK = 100
_TRIES = 3
# "Changes may take up to 60 seconds or more to be visible in other global network locations" (How KV works).
_LAG = 60


class Kv:
    """See :class:`Backend`. ``settle`` is how long a claim to a slot waits before it counts, in seconds."""

    def __init__(self, client: Client, namespace: str, prefix: str, *, settle: float = 2) -> None:
        self._client = client
        self._namespace = namespace
        self._path = f"storage/kv/namespaces/{quote(namespace, safe='')}"
        self._prefix = prefix
        self._settle = settle
        self._written: dict[str, bytes] = {}

    def read(self) -> Sequence[Piece]:
        """Waits for an entry that a visible one builds on, as long as it may be only late."""
        until = time.monotonic() + _LAG
        while True:
            pieces = self._visible()
            try:
                entries(pieces)
            except Missing:
                if time.monotonic() > until:
                    return pieces
                time.sleep(self._settle)
            else:
                return pieces

    def _visible(self) -> list[Piece]:
        with self._told("read"):
            listed = self._client.pages(f"{self._path}/keys", prefix=f"{self._prefix}/e/", limit=1000)
            keys = [item["name"] for item in listed if item["name"] not in self._written]
            pieces = [Piece(f"key {key}", value) for key, value in self._written.items()]
            parts = [keys[start : start + _BULK] for start in range(0, len(keys), _BULK)]
            for got in each(self._stored, parts):
                if isinstance(got, Exception):
                    raise got
                pieces += got
        return pieces

    def _stored(self, keys: list[str]) -> list[Piece]:
        pieces = []
        for key, value in self._values(keys).items():
            if value is None:
                raise LedgerError(
                    f"KV lists the key {key} but does not show its value yet: try again in a minute"
                )
            pieces.append(Piece(f"key {key}", value.encode()))
        return pieces

    def append(self, make: Callable[[Sequence[Piece]], bytes]) -> None:
        new = make(self.read())
        if not new:
            return
        key = f"{self._prefix}/e/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(6)}"
        with self._told("written"):
            for left in range(_TRIES - 1, -1, -1):
                try:
                    self._put(key, new)
                    self._written[key] = new
                    return
                except Unanswered:
                    # Nobody else has this key: writing the same to it again is no second write.
                    if not left:
                        raise

    def slot(self, name: str) -> Mapping[str, Any] | None:
        return self._claim(name)[1]

    def swap(self, name: str, expected: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
        """Write a claim, and read it back when all who saw what we saw have written theirs: the last one has it.

        Whoever took longer than that from its look to its claim cannot know, and raises LedgerError.
        """
        began = time.monotonic()
        if not same(self.slot(name), expected):
            return False
        claim = secrets.token_hex(8)
        # Without an answer, reading back decides all the same.
        with self._told("written"), contextlib.suppress(Unanswered):
            self._put(self._slot(name), encoded({"claim": claim, "value": new and dict(new)}))
        if time.monotonic() - began > self._settle:
            raise LedgerError(
                f"KV took more than {self._settle:g} s for {name}, too long to know who was first: try again"
            )
        time.sleep(self._settle)
        return self._claim(name)[0] == claim

    def _claim(self, name: str) -> tuple[str | None, Mapping[str, Any] | None]:
        key = self._slot(name)
        with self._told("read"):
            told = decoded(self._values([key])[key], f"the key {key} in KV")
        return (told["claim"], told["value"]) if told else (None, None)

    def _slot(self, name: str) -> str:
        return f"{self._prefix}/s/{name}"

    def _values(self, keys: list[str]) -> dict[str, str | None]:
        found = self._client.ask(f"{self._path}/bulk/get", {"keys": keys, "type": "text"})["values"]
        return {key: found.get(key) for key in keys}

    def _put(self, key: str, value: bytes) -> None:
        self._client.call("PUT", f"{self._path}/values/{quote(key, safe='')}", value)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except CloudflareError as error:
            raise LedgerError(
                f"the ledger in the KV namespace {self._namespace} cannot be {what}: {error}"
            ) from None
