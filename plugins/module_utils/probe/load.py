"""Many requests, on a schedule that the answers do not change.

A client that waits for its answer before it asks again asks a slow service less, and so sees less of what is wrong
(coordinated omission). Here every request starts when its time has come, on a connection of its own if need be.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .contract import Answer
from .pool import Pool
from .wire import FAULTS, Dropped, Way, fault_of

__all__ = ["Load", "Pace", "Reply", "Watch", "run"]

_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE)
_BEAT = 0.02
# Seconds by which this machine may be behind; longer, and a time that it takes says nothing of the service.
_BEHIND = 0.25


@dataclass(frozen=True, slots=True)
class Pace:
    """``rate``: requests a second per service; ``max_in_flight`` per service too, ``max_requests`` for all together.

    The first ``warm_up`` requests to a service come one after the other, each as early as its turn on the schedule.
    No request starts after ``seconds``, and none is waited for longer than ``timeout`` seconds. After ``slow`` seconds
    without an answer it is late.
    """

    rate: float
    seconds: float
    max_requests: int
    max_in_flight: int
    warm_up: int
    slow: float
    timeout: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came: an answer, or ``fault`` in words. ``seconds`` since the request was started, with its connection.

    ``timed`` is false when this machine was behind meanwhile.
    """

    seconds: float
    timed: bool
    answer: Answer | None = None
    fault: str = ""


class Watch(Protocol):
    """Hears of every request, by the name of its service and a number that counts all of them."""

    def asked(self, name: str, number: int) -> None: ...

    def is_late(self, name: str, number: int) -> None: ...

    def answered(self, name: str, number: int, reply: Reply) -> None: ...

    def wants(self, name: str) -> bool:
        """Whether more answers of this service are wanted."""
        ...


@dataclass(slots=True)
class Load:
    """What was done to one service; ``behind`` is the longest that this machine was late, in seconds."""

    requests: int = 0
    again: int = 0
    stopped: str = ""
    behind: float = 0.0
    opened: list[tuple[float, float, float]] = field(default_factory=list)
    first_byte: list[float] = field(default_factory=list)

    @property
    def phases(self) -> dict[str, float]:
        """Seconds for the name, for TCP, for TLS and until the first byte: medians."""
        columns = [*zip(*self.opened, strict=True)] or [(), (), ()]
        named = zip(("dns", "connect", "tls", "first_byte"), [*columns, self.first_byte], strict=True)
        return {name: round(sorted(taken)[len(taken) // 2], 5) for name, taken in named if taken}


def run(ways: Mapping[str, Way], pace: Pace, watch: Watch) -> dict[str, Load]:
    """Ask all services side by side until ``watch`` wants no more, or the time or the budget is over."""
    return asyncio.run(_Run(ways, pace, watch).run())


class _Run:
    def __init__(self, ways: Mapping[str, Way], pace: Pace, watch: Watch) -> None:
        self._ways, self._pace, self._watch = ways, pace, watch
        self._pools = {name: Pool(way) for name, way in ways.items()}
        self._loads = {name: Load(opened=pool.opened) for name, pool in self._pools.items()}
        self._open: dict[str, set[asyncio.Task[None]]] = {name: set() for name in ways}
        self._number = 0
        self._beat, self._was_behind = time.monotonic(), 0.0

    async def run(self) -> dict[str, Load]:
        began = time.monotonic()
        beat = asyncio.create_task(self._keep_beat())
        try:
            await asyncio.gather(
                *(self._ask_all(index, name, began) for index, name in enumerate(self._ways))
            )
            while pending := {
                task for name, open_ in self._open.items() if self._watch.wants(name) for task in open_
            }:
                await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rest = [beat, *(task for open_ in self._open.values() for task in open_)]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
            for pool in self._pools.values():
                pool.close()
        return self._loads

    async def _ask_all(self, index: int, name: str, began: float) -> None:
        pace, load, open_ = self._pace, self._loads[name], self._open[name]
        # Side by side, not at the same instant.
        due = began + index / (pace.rate * len(self._ways))
        while self._watch.wants(name) and due - began <= pace.seconds and not load.stopped:
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            elif self._number >= pace.max_requests:
                load.stopped = f"the budget of {pace.max_requests} requests is used up"
            elif len(open_) >= pace.max_in_flight:
                load.stopped = f"{len(open_)} requests were waiting for an answer at the same time"
            else:
                if -wait > _BEHIND:
                    # What this machine missed is not sent all at once: the service would suffer for it.
                    load.behind, due = max(load.behind, -wait), due - wait
                due += 1 / pace.rate
                task = self._start(name)
                if load.requests <= pace.warm_up:
                    await asyncio.wait([task])
                    due = max(due, time.monotonic())
                else:
                    # Answers that are there come first, when this machine is behind.
                    await asyncio.sleep(0)

    def _start(self, name: str) -> asyncio.Task[None]:
        number = self._number
        self._number += 1
        self._loads[name].requests += 1
        self._watch.asked(name, number)
        task = asyncio.create_task(self._one(name, number))
        self._open[name].add(task)
        task.add_done_callback(self._open[name].discard)
        return task

    async def _one(self, name: str, number: int) -> None:
        began = time.monotonic()
        late = asyncio.get_running_loop().call_later(self._pace.slow, self._late, name, number, began)
        answer, fault = None, ""
        try:
            async with asyncio.timeout(self._pace.timeout):
                answer = await self._answer(name)
        except FAULTS as error:
            if getattr(error, "errno", None) in _NO_MORE_FILES:
                self._loads[name].stopped = "this machine has no more sockets (ulimit -n)"
                return
            fault = fault_of(error)
        finally:
            late.cancel()
        reply = Reply(time.monotonic() - began, self._is_timed(began), answer, fault)
        self._watch.answered(name, number, reply)

    async def _answer(self, name: str) -> Answer:
        load, way, pool = self._loads[name], self._ways[name], self._pools[name]
        while True:
            connection = await pool.take()
            kept = False
            try:
                answer, first_byte, kept = await way.ask(connection)
            except Dropped:
                # A kept connection may be closed at any moment; on a new one it is the service that does not answer.
                if not connection.used:
                    raise
                load.again += 1
                continue
            finally:
                if not kept:
                    connection.writer.transport.abort()
            if kept:
                connection.used = True
                pool.give(connection)
            load.first_byte.append(first_byte)
            return answer

    def _late(self, name: str, number: int, began: float) -> None:
        if self._is_timed(began):
            self._watch.is_late(name, number)

    async def _keep_beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            now = time.monotonic()
            if now - self._beat > _BEHIND:
                self._was_behind = now
            self._beat = now

    def _is_timed(self, began: float) -> bool:
        """Whether this machine kept time since then."""
        return began > self._was_behind and time.monotonic() - self._beat <= _BEHIND
