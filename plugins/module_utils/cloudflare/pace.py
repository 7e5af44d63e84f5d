"""One rate budget for everything that a module asks Cloudflare."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping

__all__ = ["Pace"]

_LEFT = re.compile(r"\br=(\d+)")
_RESET = re.compile(r"\bt=(\d+)")
# Cloudflare allows 200 a second per address; a small set must not feel it, so a burst goes through at once.
_PER_SECOND = 180
_BURST = 100


class Pace:
    """Waits rather than run into a limit of Cloudflare's (its page "Rate limits").

    There are two: 200 requests a second, and 1,200 in 5 minutes, after which every call is blocked for
    the next 5 minutes, at the worst moment for it. Every answer says how many requests are left and when
    the count starts anew (header ``Ratelimit: "default";r=<left>;t=<seconds>``); without that header only
    the first limit is kept. ``on_wait`` hears how many seconds a wait for the second will take.
    """

    def __init__(self, on_wait: Callable[[float], None]) -> None:
        self._on_wait = on_wait
        self._lock = threading.Lock()
        self._left: int | None = None
        self._reset = 0.0
        self._in_flight = 0
        self._next = 0.0

    def __enter__(self) -> None:
        with self._lock:
            now = time.monotonic()
            if self._left is not None and self._left <= 0 and self._reset > now:
                # The others wait for the lock, which is what they should do.
                self._on_wait(self._reset - now)
                time.sleep(self._reset - now)
                self._left = None
                now = time.monotonic()
            if self._left is not None:
                self._left -= 1
            self._in_flight += 1
            self._next = max(self._next, now - _BURST / _PER_SECOND) + 1 / _PER_SECOND
            pause = self._next - now
        if pause > 0:
            time.sleep(pause)

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
