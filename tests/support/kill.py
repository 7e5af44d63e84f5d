"""Killing a rollback with everything that it started, at a moment that the local Cloudflare chooses."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Protocol

from tests.support.environment import Environment

Call = tuple[dict[str, str], int]
"""What matches a call, and how many of its like come before it."""


class Running(Protocol):
    """A rollback that runs."""

    def ended(self) -> bool: ...

    def kill(self) -> None:
        """SIGKILL; fails when anything of it is left."""


class Playbook:
    """A rollback through ``ansible-playbook``, in a process group of its own."""

    def __init__(self, environment: Environment, *arguments: str) -> None:
        self._environment = environment
        self._process = environment.start("rollback.yml", *arguments)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()
        _eventually(lambda: not self._environment.processes(), self._environment.processes)


def kill_at(environment: Environment, call: Call, phase: str, *arguments: str) -> None:
    """SIGKILL to a rollback through ``ansible-playbook`` while a call is held; see :func:`kill_started`."""
    kill_started(environment, call, phase, lambda: Playbook(environment, *arguments))


def kill_started(environment: Environment, call: Call, phase: str, start: Callable[[], Running]) -> None:
    """SIGKILL while a call is held, before or after it took effect. Fails when the run ends before that call."""
    match, skip = call
    mark = environment.api.mark()
    environment.api.fault({"kind": "timeout", "phase": phase, "match": match, "skip": skip, "count": 1})
    running = start()
    try:
        while not environment.api.is_holding(mark):
            assert not running.ended(), f"it ended before call {call}"
            time.sleep(0.02)
    finally:
        running.kill()
    _eventually(lambda: not environment.api.is_holding(mark), lambda: environment.api.log(mark))
    environment.api.heal()


def _eventually(holds: Callable[[], bool], told: Callable[[], object]) -> None:
    deadline = time.monotonic() + 3
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.01)
