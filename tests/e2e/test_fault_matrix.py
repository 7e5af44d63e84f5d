"""Each call of a rollback is disturbed: the end is the new set, the old set, or a true word; the next run arrives."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import start
from tests.support.environment import Environment, Run
from tests.support.matrix import FAULTS, Cell, Lane, is_write, measure_all, table
from tests.support.seed import Seed
from tests.support.stages import Stages, Started

LANES = 3
"""A run keeps a processor busy, and waits now and then."""


def hurried(environment: Environment, **given: Any) -> Lane:
    """Without the start of Ansible, and with less patience than a user has where a fault would only be waited for."""
    stages = Stages(environment)

    def play(fault: str = "") -> Run:
        more: dict[str, Any] = {"timeout": 1} if "time-out" in fault else {}
        if "for good" in fault:
            more |= {"patience": 1, "converge_seconds": 5}
        return stages.play(**given, **more)

    def begin() -> Started:
        return stages.start(**given)

    return Lane(environment, play, begin)


@pytest.fixture
def environments(seed: Seed, tmp_path: Path) -> Iterator[list[Environment]]:
    """Environments that are the same in every id."""
    with ExitStack() as stack:
        # Hundreds of runs within five minutes are more than Cloudflare's budget of 1200 calls.
        yield [
            Environment(
                stack.enter_context(start(seed.copy(tmp_path / str(lane) / "state"), budget=1_000_000))
            )
            for lane in range(LANES)
        ]


@pytest.fixture
def lanes(environments: list[Environment]) -> list[Lane]:
    return [hurried(environment) for environment in environments]


def test_any_call_may_fail(lanes: list[Lane]) -> None:
    calls = lanes[0].calls()
    writes = [call for call in calls if is_write(call)]
    assert (len(calls), len(writes)) >= (70, 11)
    cells = [Cell(call, fault) for call in writes for fault in FAULTS if "for good" not in fault]
    cells += [Cell(call, fault) for call in calls if not is_write(call) for fault in ("429", "kill")]
    ends = measure_all(lanes, cells)
    print(table(ends))
