"""Healthy services are not called sick: the whole verdict of both tiers, 1,000 times over seven simulated services.

Simulated are the services and the time. Contracts, tests, verdicts and files are those of a real run.
`pytest -m soak -s tests/soak/test_no_false_fail.py` prints the table of docs/validation.md.
"""

from __future__ import annotations

import heapq
import json
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from plugins.module_utils.outcome import DONE, INVALID
from plugins.module_utils.probe.connect import Connector
from plugins.module_utils.probe.contract import Answer
from plugins.module_utils.probe.load import Load, Pace, Reply, Watch
from plugins.module_utils.probe.wire import Way
from plugins.module_utils.stage import rates
from tests.support.validation import HEALTH, Validation

SERVICES = [f"service-{number}" for number in range(7)]
RUNS = 1000
SLOW = 2.0


class Simulated:
    """Services that fail with probability ``errors``, and take longer than ``SLOW`` with probability ``late``."""

    def __init__(self, errors: float, late: float) -> None:
        self._chance = Random(f"{errors} {late}")
        self._errors, self._late = errors, late
        self.requests = 0

    def answer(self) -> Answer:
        self.requests += 1
        chance = self._chance
        # Most answers take 60 to 120 ms.
        seconds = SLOW + chance.random() if chance.random() < self._late else 0.06 + 0.06 * chance.random()
        status = 503 if chance.random() < self._errors else 200
        body = json.dumps({"status": "healthy", "version": "r1", "timestamp": time.time()}).encode()
        return Answer(status, {}, body, seconds)

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.answer()

    def run(self, ways: Mapping[str, Way], pace: Pace, watch: Watch) -> dict[str, Load]:
        """As probe/load.py, on a clock of its own: requests start on schedule, answers come when they are due."""
        loads = {name: Load() for name in ways}
        events: list[tuple[float, int, str, int, Answer | None, bool]] = []
        for index, name in enumerate(ways):
            heapq.heappush(events, (index / (pace.rate * len(ways)), -1 - index, name, -1, None, False))
        number = 0
        while events:
            now, _, name, asked, answer, is_late = heapq.heappop(events)
            if not watch.wants(name):
                continue
            if answer is None:
                if now > pace.seconds:
                    continue
                reply = self.answer()
                loads[name].requests += 1
                watch.asked(name, number)
                heapq.heappush(events, (now + reply.seconds, 2 * number, name, number, reply, False))
                if reply.seconds > pace.slow:
                    heapq.heappush(events, (now + pace.slow, 2 * number + 1, name, number, reply, True))
                heapq.heappush(events, (now + 1 / pace.rate, -1 - number - len(ways), name, -1, None, False))
                number += 1
            elif is_late:
                watch.is_late(name, asked)
            else:
                watch.answered(name, asked, Reply(answer.seconds, True, answer))
        return loads


@pytest.mark.soak
@pytest.mark.parametrize(
    ("errors", "late"), [(0, 0), (0.001, 0.005)], ids=["nothing wrong", "0.1 % and 0.5 %"]
)
def test_a_healthy_environment_never_fails(
    errors: float, late: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = Simulated(errors, late)
    monkeypatch.setattr(Connector, "get", services.get)
    monkeypatch.setattr(rates, "run", services.run)
    healths = {name: {**HEALTH, "url": f"http://{name}.invalid/health"} for name in SERVICES}
    ends: dict[str, Counter[int]] = {"quick": Counter(), "full": Counter()}
    for number in range(RUNS):
        asked = Validation(tmp_path, healths, seconds=30, slow=SLOW)
        run = f"run-{number}"
        quick = asked.validate(run=run)["outcome"]
        full: dict[str, Any] = asked.rates(run=run, so_far=quick)["outcome"]
        ends["quick"][quick["exit_code"]] += 1
        ends["full"][full["exit_code"]] += 1
    print(f"\n{errors:.1%} errors, {late:.1%} late: {ends}, {services.requests / RUNS:.0f} requests a run")
    assert INVALID not in ends["quick"] | ends["full"]
    assert ends["full"][DONE] == RUNS


@pytest.mark.soak
def test_a_sick_environment_never_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same simulation finds seven services sick that fail one request in twenty: it can say no."""
    services = Simulated(0.05, 0)
    monkeypatch.setattr(rates, "run", services.run)
    healths = {name: {**HEALTH, "url": f"http://{name}.invalid/health"} for name in SERVICES}
    ends: Counter[int] = Counter()
    for number in range(RUNS // 10):
        asked = Validation(tmp_path, healths, seconds=30, slow=SLOW)
        ends[asked.rates(run=f"run-{number}")["outcome"]["exit_code"]] += 1
    assert ends == {INVALID: RUNS // 10}
