"""The log of API calls that tests assert on, and the counters over it. Holds no token and no body."""

import itertools
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

KEEP = 20_000


@dataclass
class Call:
    """One API call. `status` is None when the client got no answer; `applied`: the handler has run."""

    seq: int
    time: str
    method: str
    path: str
    query: str
    user_agent: str
    ray: str
    status: int | None = None
    applied: bool = False
    fault: str | None = None
    duration_ms: float | None = None


class Journal:
    """The last KEEP calls, oldest first, and counters over all since the last clear."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=KEEP)
        self._numbers = itertools.count(1)
        self._counters: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._methods: Counter[str] = Counter()

    def begin(self, *, time: str, method: str, path: str, query: str, user_agent: str, ray: str) -> Call:
        call = Call(next(self._numbers), time, method, path, query, user_agent, ray)
        self._calls.append(call)
        return call

    def end(self, call: Call) -> None:
        """Counts a finished call."""
        self._counters["requests"] += 1
        self._counters["writes"] += call.method not in ("GET", "HEAD", "OPTIONS")
        self._counters["faults"] += call.fault is not None
        self._methods[call.method] += 1
        self._statuses[str(call.status) if call.status else "none"] += 1

    def calls(self) -> list[dict[str, Any]]:
        return [asdict(call) for call in self._calls]

    def counters(self) -> dict[str, Any]:
        totals = {name: self._counters[name] for name in ("requests", "writes", "faults")}
        return {**totals, "by_method": dict(self._methods), "by_status": dict(self._statuses)}

    def clear(self) -> None:
        self._calls.clear()
        self._counters.clear()
        self._statuses.clear()
        self._methods.clear()
