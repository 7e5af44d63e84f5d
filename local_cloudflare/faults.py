"""Faults that can be injected into the API or the edge: what they are, what they hit, when they end."""

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local_cloudflare.envelope import ApiError

KINDS = ("latency", "error", "timeout", "reset", "rate_limit", "partition")
EDGE_KINDS = ("latency", "error", "timeout", "reset")
# What a fault is matched by: the first exactly, the second as a regular expression.
BY_CALL = ("method", "path")
BY_VISIT = ("from", "host")
BODIES = ("json", "html", "challenge")
_BEFORE_ONLY = ("rate_limit", "partition")
_FIELDS = {
    "kind", "phase", "match", "latency_ms", "status", "code", "message", "body",
    "probability", "seed", "skip", "count", "lease_seconds",
}  # fmt: skip


@dataclass
class Fault:
    """One fault. `phase` before: the call has no effect; after: it has, and the answer is disturbed."""

    id: int
    kind: str
    phase: str = "before"
    exactly: str | None = None
    pattern: re.Pattern[str] | None = None
    latency_ms: float = 0.0
    status: int = 500
    code: int = 10013
    message: str = "An unknown error has occurred. (injected by local_cloudflare)"
    body: str = "json"
    probability: float = 1.0
    skip: int = 0
    count: int | None = None
    lease_seconds: float = 60.0
    seed: int = 0
    applied: int = 0
    matched: int = 0
    ends: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    chance: random.Random = field(default_factory=random.Random)

    def remaining(self) -> float:
        """Seconds of the lease that are left."""
        return max(0.0, self.ends - time.monotonic())

    def hits(self, exactly: str, searched: str) -> bool:
        """Whether this call is to be disturbed; counts it."""
        if self.exactly not in (None, exactly) or (self.pattern and not self.pattern.search(searched)):
            return False
        if self.count is not None and self.applied >= self.count:
            return False
        self.matched += 1
        if self.matched <= self.skip or self.chance.random() >= self.probability:
            return False
        self.applied += 1
        return True

    def describe(self, by: tuple[str, str] = BY_CALL) -> dict[str, Any]:
        """The fault as the admin API shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "phase": self.phase,
            "match": {by[0]: self.exactly, by[1]: self.pattern.pattern if self.pattern else None},
            "latency_ms": self.latency_ms,
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "body": self.body,
            "probability": self.probability,
            "seed": self.seed,
            "skip": self.skip,
            "count": self.count,
            "lease_seconds": self.lease_seconds,
            "remaining_seconds": round(self.remaining(), 3),
            "matched": self.matched,
            "applied": self.applied,
        }


class Faults:
    """The faults in force, oldest first: of `kinds`, matched `by` two properties of what they may hit."""

    def __init__(self, kinds: tuple[str, ...] = KINDS, by: tuple[str, str] = BY_CALL) -> None:
        self.by = by
        self._kinds = kinds
        self._faults: dict[int, Fault] = {}
        self._last_id = 0

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Adds a fault from the admin API's JSON. ApiError 400 (code 1) says what is wrong with it."""
        values = _checked(spec, self._kinds, self.by)
        self._last_id += 1
        fault = Fault(id=self._last_id, **values)
        fault.ends = time.monotonic() + fault.lease_seconds
        fault.chance.seed(fault.seed)
        self._faults[fault.id] = fault
        return fault

    def current(self) -> list[Fault]:
        """The faults whose lease has not ended."""
        for fault in list(self._faults.values()):
            if fault.remaining() == 0.0:
                self._end(fault)
        return list(self._faults.values())

    def remove(self, fault_id: int) -> bool:
        fault = self._faults.get(fault_id)
        if fault is not None:
            self._end(fault)
        return fault is not None

    def clear(self) -> int:
        """Ends all; returns how many there were."""
        faults = self.current()
        for fault in faults:
            self._end(fault)
        return len(faults)

    def _end(self, fault: Fault) -> None:
        fault.over.set()
        del self._faults[fault.id]

    def strike(self, exactly: str, searched: str) -> list[Fault]:
        """The faults that hit this call (method and path), or visit (its origin and the host that it is for).

        Every latency, and the first of any other kind, in that order.
        """
        delays, other = [], None
        for fault in self.current():
            if fault.kind == "latency":
                if fault.hits(exactly, searched):
                    delays.append(fault)
            elif other is None and fault.hits(exactly, searched):
                other = fault
        return delays if other is None else [*delays, other]


def _checked(spec: Mapping[str, Any], kinds: tuple[str, ...], by: tuple[str, str]) -> dict[str, Any]:
    unknown = sorted(set(spec) - _FIELDS)
    if unknown:
        raise _wrong(f"unknown field {unknown[0]!r}; known: {', '.join(sorted(_FIELDS))}")
    values = {key: value for key, value in spec.items() if key != "match"}
    if spec.get("kind") not in kinds:
        raise _wrong(f"kind must be one of {', '.join(kinds)}")
    if spec.get("phase", "before") not in ("before", "after"):
        raise _wrong("phase must be before or after")
    if spec["kind"] in _BEFORE_ONLY and spec.get("phase") == "after":
        raise _wrong(f"a {spec['kind']} has no phase after")
    if spec.get("body", "json") not in BODIES:
        raise _wrong(f"body must be one of {', '.join(BODIES)}")
    for name, lowest, highest in (
        ("latency_ms", 0, 600_000), ("probability", 0, 1), ("lease_seconds", 0.001, 86_400),
        ("status", 100, 599), ("code", 0, 10**9), ("skip", 0, 10**9), ("count", 1, 10**9),
        ("seed", -(2**63), 2**63),
    ):  # fmt: skip
        value = spec.get(name, lowest)
        if isinstance(value, bool) or not isinstance(value, int | float) or not lowest <= value <= highest:
            raise _wrong(f"{name} must be a number from {lowest} to {highest}")
    if spec["kind"] == "latency" and "latency_ms" not in spec:
        raise _wrong("a latency needs latency_ms")
    if not isinstance(spec.get("message", ""), str):
        raise _wrong("message must be a string")
    match, (exactly, pattern) = spec.get("match", {}), by
    if not isinstance(match, dict) or set(match) - set(by):
        raise _wrong(f"match is an object with {exactly} and {pattern} (a regular expression), both optional")
    if match.get(exactly) is not None:
        values["exactly"] = str(match[exactly]).upper()
    if match.get(pattern) is not None:
        try:
            values["pattern"] = re.compile(str(match[pattern]))
        except re.error as error:
            raise _wrong(f"match.{pattern} is not a regular expression: {error}") from None
    return values


def _wrong(message: str) -> ApiError:
    return ApiError(400, 1, message)
