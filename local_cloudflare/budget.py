"""The request budget of a token: 1200 calls in five minutes, then nothing until the block ends.

Source: fundamentals/api/reference/limits. The headers are those of the same page.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from local_cloudflare.envelope import ApiError

THROTTLED = "Please wait and consider throttling your request speed"


@dataclass
class _Window:
    started: float
    used: int = 0
    blocked_until: float = 0.0


class Budget:
    """Counts calls per token in windows of `window` seconds; the call over `quota` starts a block (s)."""

    def __init__(
        self, quota: int, window: float, block: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.quota = quota
        self.window = window
        self.block = block
        self._clock = clock
        self._windows: dict[str, _Window] = {}

    def spend(self, token: str) -> dict[str, str]:
        """Counts one call and returns headers for its answer; raises Blocked when over the budget."""
        now = self._clock()
        window = self._windows.get(token)
        if window is None or (now >= window.started + self.window and now >= window.blocked_until):
            window = self._windows[token] = _Window(now)
        if now < window.blocked_until:
            raise Blocked(window.blocked_until - now)
        if window.blocked_until:
            window.started, window.used, window.blocked_until = now, 0, 0.0
        if window.used >= self.quota:
            window.blocked_until = now + self.block
            raise Blocked(self.block)
        window.used += 1
        resets = max(1, round(window.started + self.window - now))
        return {
            "ratelimit": f'"default";r={self.quota - window.used};t={resets}',
            "ratelimit-policy": f'"default";q={self.quota};w={round(self.window)}',
        }

    def reset(self) -> None:
        self._windows.clear()


class Blocked(ApiError):
    """HTTP 429, code 971, with `retry_after` in whole seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(429, 971, THROTTLED)
        self.retry_after = max(1, -(-int(seconds * 1000) // 1000))
