"""One rate budget for everything that a module asks Cloudflare."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping

__all__ = ["Pace"]

_LEFT = re.compile(r"\br=(\d+)")
_RESET = re.compile(r"\bt=(\d+)")


class Pace:
    """Waits rather than run into the limit of 1,200 requests in 5 minutes.

    Over that limit Cloudflare blocks every call for the next 5 minutes, which is the worst moment
    for it. Every answer says how many requests are left and when the count starts anew (header
    ``Ratelimit: "default";r=<left>;t=<seconds>``, Cloudflare's page "Rate limits"); without that
    header nothing is held back. ``on_wait`` hears how many seconds a wait will take.
    """

    def __init__(self, on_wait: Callable[[float], None]) -> None:
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._left: int | None = None
        self._reset = 0.0
        self._in_flight = 0

    def __enter__(self) -> None:
        with self._lock:
            if self._left is not None and self._left <= 0:
                pause = self._reset - time.monotonic()
                if pause > 0:
                    # The others wait for the lock, which is what they should do.
                    self._on_wait(pause)
                    time.sleep(pause)
                self._left = None
            if self._left is not None:
                self._left -= 1
            self._in_flight += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._in_flight -= 1

    def observe(self, headers: Mapping[str, str]) -> None:
        """Learn from the headers of an answer."""
        text = headers.get("ratelimit", "")
        left, reset = _LEFT.search(text), _RESET.search(text)
        if left and reset:
            with self._lock:
                self._left = int(left.group(1)) - self._in_flight
                self._reset = time.monotonic() + int(reset.group(1))
