"""Each call of a rollback is disturbed: the end is the new set, the old set, or a true word; the next run arrives."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import start
from tests.support.environment import WORKERS, Environment, Run
from tests.support.kill import Call, Playbook
from tests.support.matrix import FAULTS, FOR_GOOD, Cell, Lane, is_write, kind_of, measure_all, table
from tests.support.seed import Seed
from tests.support.stages import Stages, Started

ONCE = [fault for fault in FAULTS if fault not in FOR_GOOD]
SWITCHES = ("auth-worker", "api-gateway", "websocket-worker")


def hurried(environment: Environment, **given: Any) -> Lane:
    """Without the start of Ansible, and with less patience than a user has where a fault is only waited for."""
    stages = Stages(environment)

    def play(fault: str = "") -> Run:
        more: dict[str, Any] = {"timeout": 1} if "time-out" in fault else {}
        if fault in FOR_GOOD:
            more |= {"patience": 1, "converge_seconds": 5}
        return stages.play(**given, **more)

    def begin() -> Started:
        return stages.start(**given)

    return Lane(environment, play, begin)


def typed(environment: Environment) -> Lane:
    """As a person rolls back; only what never ends is given up earlier."""

    def play(fault: str = "") -> Run:
        brief = ("-e", "cloudflare_patience=1", "-e", "switch_converge_seconds=5")
        return environment.play("rollback.yml", *(brief if fault in FOR_GOOD else ()))

    return Lane(environment, play, lambda: Playbook(environment))


Open = Callable[[int], list[Environment]]


@pytest.fixture
def opened(seed: Seed, tmp_path: Path) -> Iterator[Open]:
    """Opens environments that are the same in every id."""
    with ExitStack() as stack:

        def more(count: int) -> list[Environment]:
            # Hundreds of runs within five minutes are more than Cloudflare's budget of 1200 calls.
            return [
                Environment(stack.enter_context(start(seed.copy(tmp_path / f"{n}" / "state"), budget=10**6)))
                for n in range(count)
            ]

        yield more


def disturbed(calls: list[Call], of_writes: list[str], of_reads: list[str]) -> list[Cell]:
    return [Cell(call, fault) for call in calls for fault in (of_writes if is_write(call) else of_reads)]


def test_any_call_may_fail(opened: Open) -> None:
    """Every fault at a write of each kind; a kill, and the answer 429, at a read of each kind: all of one Worker."""
    lanes = [hurried(environment) for environment in opened(3)]
    calls = {kind_of(call): call for call in lanes[0].calls()}
    assert sum(map(is_write, calls.values())) >= 3
    print(table(measure_all(lanes, disturbed(list(calls.values()), ONCE, ["429", "kill"]))))


def test_the_matrix_makes_the_calls_of_ansible_playbook(opened: Open) -> None:
    one, two = opened(2)

    def seen(lane: Lane) -> Counter[str]:
        return Counter(str(Cell(call, "")) for call in lane.calls())

    assert seen(hurried(one)) == seen(typed(two))


@pytest.mark.parametrize(("policy", "end"), [("stop", "FAILED"), ("restore", "OLD")])
def test_what_does_not_arrive_for_good_ends_as_the_policy_says(opened: Open, policy: str, end: str) -> None:
    lane = hurried(*opened(1), on_partial=policy)
    # The first write of each is the rehearsal, the second the switch.
    switches = [({"method": "POST", "path": f"/{WORKERS[name]}/deployments$"}, 1) for name in SWITCHES]
    ends = measure_all([lane], [Cell(call, "403 for good") for call in switches])
    assert {told for _, told in ends} == {end}


SOAKED = {
    "typed": (typed, 2, ONCE, ["500", "429", "time-out", "kill"]),
    "hurried": (hurried, 4, list(FAULTS), [fault for fault in FAULTS if "done" not in fault]),
}


@pytest.mark.soak
@pytest.mark.parametrize("way", SOAKED)
def test_every_call_meets_every_fault(opened: Open, capfd: pytest.CaptureFixture[str], way: str) -> None:
    """Of reads, what happens after they took effect is what happens before it."""
    lane_of, count, of_writes, of_reads = SOAKED[way]
    lanes = [lane_of(environment) for environment in opened(count)]
    began = time.monotonic()
    ends = measure_all(lanes, disturbed(lanes[0].calls(), of_writes, of_reads))
    with capfd.disabled():
        print(f"\n{len(ends)} cells, {way}, in {time.monotonic() - began:.0f} s\n{table(ends)}")
