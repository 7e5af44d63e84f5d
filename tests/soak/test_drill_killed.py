"""A drill that is killed at any moment heals: faults end with their lease, and the old release serves again."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest
import requests

from local_cloudflare.launch import Instance, start
from plugins.module_utils.drill.inject import Faults
from plugins.module_utils.drill.scenario import Action
from tests.support.environment import Environment
from tests.support.seed import Seed

KILLS = 500
LEASE = 0.4
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("killed") / "state") as running:
        yield running


def alive(admin: str) -> list[object]:
    return [
        fault
        for place in ("/faults", "/edge/faults")
        for fault in requests.get(admin + place, timeout=10).json()["faults"]
    ]


def inject_for_ever(admin: str, seed: int) -> None:
    chance = random.Random(seed)
    faults = Faults(admin)
    while True:
        kind, where = chance.choice(
            [("reset", "edge"), ("timeout", "api"), ("error", "edge"), ("partition", "api")]
        )
        given = {"kind": kind, "lease_seconds": chance.uniform(0.05, LEASE), "match": {}}
        faults.place(Action("a fault", where, given))
        if chance.random() < 0.2:
            faults.end()


@pytest.mark.soak
def test_no_fault_outlives_its_lease_whatever_kills_the_runner(instance: Instance) -> None:
    chance = random.Random(1)
    seen = 0
    for number in range(KILLS):
        runner = FORK.Process(target=inject_for_ever, args=(instance.admin_url, number))
        runner.start()
        time.sleep(chance.uniform(0, 0.15))
        runner.kill()
        runner.join()
        seen += bool(alive(instance.admin_url))
        time.sleep(LEASE + 0.02)
        assert alive(instance.admin_url) == [], f"after kill {number}"
    assert seen > KILLS / 4, "most were killed before they did anything"


@pytest.mark.soak
def test_a_killed_drill_is_healed(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> None:
    chance = random.Random(2)
    with start(seed.copy(tmp_path_factory.mktemp("deadman") / "state")) as instance:
        environment = Environment(instance)
        environment.serve("r2")
        before = environment.live()
        for number in range(10):
            drill = environment.start("drill.yml", "-e", "scenarios=worker-throws")
            time.sleep(chance.uniform(2, 12))
            os.killpg(drill.pid, signal.SIGKILL)
            drill.communicate()
            deadline = time.monotonic() + 120
            while environment.processes() and time.monotonic() < deadline:
                time.sleep(0.2)
            assert not environment.processes(), f"after kill {number}"
            assert environment.live() == before, f"after kill {number}"
            assert alive(instance.admin_url) == []
