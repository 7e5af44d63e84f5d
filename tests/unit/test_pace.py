"""The rate budget: a small set never waits, a large one waits before Cloudflare makes it wait."""

import pytest

from plugins.module_utils.cloudflare import pace as module
from plugins.module_utils.cloudflare.pace import Pace


class Clock:
    """Stands in for time: a sleep only moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(module, "time", fake)
    return fake


def ask(pace: Pace, times: int, headers: dict[str, str] | None = None) -> None:
    for _ in range(times):
        with pace:
            pace.observe(headers or {})


def test_a_rollback_of_six_components_never_waits(clock: Clock) -> None:
    ask(Pace(pytest.fail), 60)
    assert clock.now == 1000.0


def test_no_more_than_200_a_second(clock: Clock) -> None:
    ask(Pace(pytest.fail), 1000)
    assert 1000 / (clock.now - 1000.0) < 200


def test_it_waits_for_the_window_when_nothing_is_left(clock: Clock) -> None:
    waits: list[float] = []
    pace = Pace(waits.append)
    ask(pace, 1, {"ratelimit": '"default";r=0;t=42'})
    ask(pace, 1)
    assert waits == [pytest.approx(42, abs=0.1)]
    assert clock.now >= 1042


def test_what_is_in_flight_counts_as_used(clock: Clock) -> None:
    waits: list[float] = []
    pace = Pace(waits.append)
    with pace, pace:
        pace.observe({"ratelimit": '"default";r=2;t=10'})
    ask(pace, 1)
    assert len(waits) == 1
