"""Kept connections to one service: a request takes the first that is free or new."""

from __future__ import annotations

import asyncio
from collections import deque

from .wire import Connection, Way

__all__ = ["Pool"]

# Handshakes at a time. Fewer would hold up the requests to a service that needs a second for an answer; without a
# limit a machine that is busy opens ever more connections, and is busy with that.
_OPENING = 16


class Pool:
    """``opened`` has the seconds for name, TCP and TLS of every connection that was made."""

    def __init__(self, way: Way) -> None:
        self.opened: list[tuple[float, float, float]] = []
        self._way = way
        self._idle: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._opening: set[asyncio.Task[None]] = set()

    async def take(self) -> Connection:
        """A connection to oneself. Raises OSError when none could be made."""
        if self._idle:
            return self._idle.pop()
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._open_more()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.give(waiter.result())
            raise

    def give(self, connection: Connection) -> None:
        """Back, for the next one."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def close(self) -> None:
        """End what is not in use."""
        for task in self._opening:
            task.cancel()
        for connection in self._idle:
            connection.writer.transport.abort()
        self._idle.clear()

    def _open_more(self) -> None:
        while len(self._opening) < min(_OPENING, sum(not waiter.done() for waiter in self._waiting)):
            task = asyncio.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._is_open)

    async def _open(self) -> None:
        try:
            connection = await self._way.open()
        except (OSError, ValueError) as error:
            waiter = next((one for one in self._waiting if not one.done()), None)
            if waiter is not None:
                waiter.set_exception(error)
            return
        self.opened.append((connection.dns, connection.connect, connection.tls))
        self.give(connection)

    def _is_open(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if not task.cancelled():
            self._open_more()
