"""SIGKILL at every API call of a rollback, and the same command again: it ends at the target."""

import contextlib
import os
import signal
import time
from typing import Any

import pytest

from tests.support.environment import Environment


def kill_at(environment: Environment, number: int, phase: str, match: dict[str, str]) -> bool:
    """Kill the playbook while Cloudflare holds its call ``number``, before or after it took effect.

    False when the run has fewer calls.
    """
    hold = {"kind": "latency", "latency_ms": 20_000, "phase": phase, "match": match}
    environment.api.fault({**hold, "skip": number, "count": 1})
    mark = environment.api.mark()
    process = environment.start("rollback.yml")
    try:
        while not environment.api.is_holding(mark):
            if process.poll() is not None:
                return False
            time.sleep(0.02)
        return True
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        environment.api.heal()


@pytest.mark.parametrize(
    ("phase", "match", "at_least"),
    [("before", {"path": "/accounts/"}, 30), ("after", {"method": "POST", "path": "/accounts/"}, 11)],
    ids=["before-any-call", "after-any-write"],
)
def test_killed_at_any_call_and_run_again_it_arrives(
    environment: Environment, phase: str, match: dict[str, Any], at_least: int
) -> None:
    target = environment.versions("r2")
    number = 0
    environment.serve("r3")
    while kill_at(environment, number, phase, match):
        again = environment.play("rollback.yml")
        assert again.code == 0, f"killed {phase} call {number}:\n{again.output}"
        assert environment.live() == target, f"killed {phase} call {number}"
        environment.serve("r3")
        number += 1
    assert number >= at_least
