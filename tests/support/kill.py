"""Killing a playbook with everything that it started, at a moment that the local Cloudflare chooses."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from tests.support.environment import Environment

Call = tuple[dict[str, str], int]
"""What matches a call, and how many of its like come before it."""


def kill_at(environment: Environment, call: Call, phase: str, *arguments: str) -> None:
    """SIGKILL to the process group of a rollback while a call is held, before or after it took effect.

    Fails when the run ends before it makes that call, and when anything of it is left.
    """
    match, skip = call
    environment.api.fault({"kind": "timeout", "phase": phase, "match": match, "skip": skip, "count": 1})
    mark = environment.api.mark()
    process = environment.start("rollback.yml", *arguments)
    try:
        while not environment.api.is_holding(mark):
            assert process.poll() is None, f"it ended before call {call}: {process.communicate()[0]}"
            time.sleep(0.02)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    _eventually(lambda: not environment.processes(), environment.processes)
    _eventually(lambda: not environment.api.is_holding(mark), lambda: environment.api.log(mark))
    environment.api.heal()


def _eventually(holds: Callable[[], bool], told: Callable[[], object]) -> None:
    deadline = time.monotonic() + 3
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.01)
