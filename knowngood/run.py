"""A run of a playbook, for whoever started it or joins it later."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from ansible.module_utils.cancel import ask
from ansible.module_utils.journal import FILE, Tail
from ansible.module_utils.running import Running, running

from . import PROJECT
from .order import Order
from .result import Event, Result, event_of, result_of

__all__ = ["Run", "StillRunning"]

_LOOK = 0.05


class StillRunning(TimeoutError):
    """The run did not end while somebody waited for it. It goes on."""


class Run:
    """A run that is under way or over.

    Iterate over it for its events while they are written, or wait for its :meth:`result`; in asyncio ``async for`` and
    ``await`` do the same. It goes on when this process ends, however that ends. As a context manager it waits for the
    end, and cancels the run when the block raises.
    """

    def __init__(self, told: Running, runs: Path, supervisor: subprocess.Popen[bytes] | None = None) -> None:
        self.id = told.run
        self.playbook = told.playbook
        self.environment = told.environment
        self.journal = runs / told.run / FILE
        self._folder = self.journal.parent
        self._supervisor = supervisor
        self._ended: dict[str, Any] | None = None
        self._hearing = Lock()

    @classmethod
    def start(cls, order: Order, environ: Mapping[str, str] | None = None) -> Self:
        """Give an order to a supervisor of its own, with the environment variables ``environ``."""
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "knowngood.supervisor"],
            cwd=PROJECT,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Nothing that is sent to this process and its group reaches it.
            start_new_session=True,
        )
        assert supervisor.stdin is not None
        with suppress(BrokenPipeError), supervisor.stdin as stdin:
            stdin.write(order.to_json().encode())
        told = Running(order.run, order.playbook, order.environment, supervisor.pid)
        return cls(told, Path(order.runs), supervisor)

    @property
    def done(self) -> bool:
        """Whether it is over."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            return False
        return running(self._folder) is None

    def cancel(self, why: str = "") -> None:
        """Ask the run to end where nothing is half done; it ends with the verdict CANCELLED.

        What only reads ends at once. A rollback ends before its first change, or else goes on to its end: a set that
        is half moved is no place to stop at.
        """
        if not self.done:
            ask(self._folder, why)

    def kill(self) -> None:
        """End the run now, wherever it is. The same command, given again, goes on from there."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.terminate()
        elif (told := running(self._folder)) is not None:
            # Its tasks end with it.
            with suppress(ProcessLookupError):
                os.kill(told.command, signal.SIGKILL)

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the end, at most ``timeout`` seconds; raises :class:`StillRunning` after them."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self.done:
            if until is not None and time.monotonic() > until:
                raise StillRunning(f"run {self.id} is still under way")
            self._wait()
        return self._result()

    def __iter__(self) -> Iterator[Event]:
        tail = Tail(self.journal)
        done = False
        while not done:
            # What was written before the end is there once the end is seen.
            done = self.done
            yield from map(event_of, tail.more())
            if not done:
                self._wait()

    async def __aiter__(self) -> AsyncIterator[Event]:
        from asyncio import sleep

        tail = Tail(self.journal)
        done = False
        while not done:
            done = self.done
            for record in tail.more():
                yield event_of(record)
            if not done:
                await sleep(_LOOK)

    def __await__(self) -> Generator[Any, None, Result]:
        # Most programs do without it, and it takes a tenth of a second to load.
        from asyncio import sleep

        while not self.done:
            yield from sleep(_LOOK).__await__()
        return self._result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self.cancel(f"{type(error).__name__} in the program that began the run")
        self.result()

    def _wait(self) -> None:
        if self._supervisor is None or self._supervisor.poll() is not None:
            time.sleep(_LOOK)
            return
        with suppress(subprocess.TimeoutExpired):
            self._supervisor.wait(_LOOK)

    def _result(self) -> Result:
        code, lines = None, []
        if self._supervisor is not None:
            ended = self._hear()
            code, lines = ended["code"], ended["lines"]
        return result_of(
            self.journal, playbook=self.playbook, environment=self.environment, code=code, lines=lines
        )

    def _hear(self) -> dict[str, Any]:
        """What the supervisor said last."""
        with self._hearing:
            if self._ended is None:
                assert self._supervisor is not None and self._supervisor.stdout is not None
                with self._supervisor.stdout as stdout:
                    text = stdout.read().decode(errors="replace")
                try:
                    # Before it may come what a library warned of.
                    self._ended = json.loads(text.rpartition("\n")[2])
                except ValueError:
                    # It was killed, or could not begin.
                    code = None if self.journal.exists() else 250
                    self._ended = {"code": code, "lines": text.splitlines()}
            assert self._ended is not None
            return self._ended
