"""SIGKILL at every API call of a rollback, and the same command again: it ends at the target."""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import start
from tests.support.environment import WORKERS, Environment
from tests.support.seed import Seed

Call = tuple[dict[str, str], int]
"""What matches a call, and how many of its like come before it."""


@pytest.fixture
def environment(seed: Seed, tmp_path: Path) -> Iterator[Environment]:
    # A hundred runs within five minutes are more than Cloudflare's budget of 1200 calls.
    with start(seed.copy(tmp_path / "state"), budget=100_000) as instance:
        yield Environment(instance)


def calls_of_a_run(environment: Environment) -> list[Call]:
    """Every call that a rollback makes, in the order of a run that nothing disturbed."""
    mark = environment.api.mark()
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    seen: Counter[tuple[str, str]] = Counter()
    calls = []
    for call in environment.api.log(mark):
        key = (call["method"], call["path"])
        calls.append(({"method": call["method"], "path": f"^{call['path']}$"}, seen[key]))
        seen[key] += 1
    return calls


@contextlib.contextmanager
def killed_at(environment: Environment, call: Call, phase: str, *arguments: str) -> Iterator[None]:
    """Kill the whole process group while Cloudflare holds a call, before or after it took effect."""
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
    eventually_true(lambda: not environment.processes(), environment.processes)
    eventually_true(lambda: not environment.api.is_holding(mark), lambda: environment.api.log(mark))
    environment.api.heal()
    yield


def eventually_true(holds: Callable[[], bool], told: Callable[[], object]) -> None:
    deadline = time.monotonic() + 3
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.01)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_any_call_and_run_again_it_arrives(environment: Environment, phase: str) -> None:
    """Before any call took effect; after any write did. (A read has no effect.)"""
    target = environment.versions("r2")
    calls = calls_of_a_run(environment)
    if phase == "after":
        calls = [call for call in calls if call[0]["method"] != "GET"]
    assert len(calls) >= {"before": 30, "after": 11}[phase]
    for call in calls:
        environment.serve("r3")
        with killed_at(environment, call, phase):
            again = environment.play("rollback.yml")
        assert again.code == 0, f"killed {phase} {call}:\n{again.output}"
        assert environment.live() == target, f"killed {phase} {call}"


def test_a_kill_takes_wrangler_with_it(environment: Environment) -> None:
    write = {"method": "POST", "path": f"/{WORKERS['auth-worker']}/deployments$"}
    with killed_at(environment, (write, 0), "before", "-e", "cloudflare_transport=wrangler"):
        again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")
