"""What an observer makes of answers, what a scenario comes to, and what follows from many drills."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.drill.child import decision_of
from plugins.module_utils.drill.history import append, dates_of, line_of, read_history, slower
from plugins.module_utils.drill.page import page_of
from plugins.module_utils.drill.result import Result, judge
from plugins.module_utils.drill.scenario import read_all
from plugins.module_utils.drill.watch import Round, Watch

ROOT = Path(__file__).resolve().parents[3]
CATALOGUE = read_all(ROOT / "drills")
NOW = datetime(2026, 11, 27, 6, 0, tzinfo=UTC)


def a_round(second: int, **problems: dict[str, list[str]]) -> Round:
    return Round(NOW + timedelta(seconds=second), NOW + timedelta(seconds=second + 0.2), problems)


WELL: dict[str, list[str]] = {"here": [], "there": []}
SICK = {"here": ["status 500"], "there": ["status 500"]}
SPLIT = {"here": [], "there": ["no answer"]}


def test_one_bad_answer_is_no_signal() -> None:
    watch = Watch()
    for second, found in enumerate([SICK, WELL, SICK, WELL]):
        watch.take(a_round(second, api=found))
    assert not watch.signals and watch.failed_requests == 4 and watch.requests == 8


def test_two_in_a_row_from_everywhere_are_a_signal() -> None:
    watch = Watch()
    for second, found in enumerate([WELL, SICK, SICK, SICK]):
        watch.take(a_round(second, api=found, site=WELL))
    assert set(watch.signals) == {"api"} and not watch.splits
    assert watch.signals["api"].since == a_round(1).began and watch.signals["api"].time == a_round(2).ended
    assert (
        watch.outside(frozenset({"site"}))
        and not watch.outside(frozenset({"api"}))
        and not watch.outside(frozenset())
    )


def test_to_be_late_outside_of_the_blast_radius_does_not_end_a_drill() -> None:
    watch = Watch()
    late = {"here": ["took 2.4 s, more than 2 s"], "there": ["took 2.1 s, more than 2 s"]}
    for second in range(3):
        watch.take(a_round(second, site=late, auth={**late, "here": ["status 500"]}))
    assert set(watch.signals) == {"site", "auth"}
    assert [signal.component for signal in watch.outside(frozenset({"api"}))] == ["auth"]


def test_what_fails_from_one_place_only_is_a_split() -> None:
    watch = Watch()
    for second, found in enumerate([SPLIT, SPLIT, SPLIT]):
        watch.take(a_round(second, api=found))
    assert set(watch.splits) == {"api"} and not watch.signals
    assert watch.splits["api"].problems == ("there: no answer",)


def test_it_is_well_since_the_first_round_after_the_last_bad_one() -> None:
    watch = Watch()
    for second, found in enumerate([WELL, SICK, WELL, WELL]):
        watch.take(a_round(second, api=found))
    assert watch.well_since == a_round(2).ended


MOVED = [{"event": "switch.end", "state": "moved"}]
ALREADY = [{"event": "switch.end", "state": "already"}]


@pytest.mark.parametrize(
    ("code", "events", "decision"),
    [
        (0, MOVED, "roll_back"),
        (0, [{"event": "database.moved"}], "roll_back"),
        (0, ALREADY, "leave"),
        (0, [], "leave"),
        (13, ALREADY, "leave"),
        (15, [], "leave"),
        (10, [], "refuse"),
        (16, MOVED, "roll_back"),
        (16, [], "failed with 16"),
        (13, MOVED, "failed with 13"),
        (11, MOVED, "failed with 11"),
        (12, [], "failed with 12"),
    ],
)
def test_what_a_rollback_decided(code: int, events: list[dict[str, Any]], decision: str) -> None:
    assert decision_of(code, events) == decision


def a_result(scenario: str = "worker-throws", rto: float = 20.0, **more: Any) -> Result:
    one = CATALOGUE[scenario]
    moments = {"inject": NOW, "detect": NOW + timedelta(seconds=2), "restored": NOW + timedelta(seconds=rto)}
    told = {
        "decision": one.decision,
        "signal": sorted(one.signal),
        "steady": True,
        "rpo": 0,
        "moments": moments,
        **more,
    }
    return Result(scenario, one.title, one.family, **told)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ""),
        ({"decision": "leave"}, "the decision was not to roll back, the right one is to roll back"),
        ({"signal": ["content-worker"]}, "the failure of api-gateway was not seen within 20 s"),
        ({"rto": 61.0}, "RTO 61.0 s, the target is 60 s"),
        ({"rpo": 3}, "RPO 3 acknowledged writes, the target is 0"),
        ({"steady": False}, "not proved to be as before"),
    ],
)
def test_what_a_scenario_comes_to(more: dict[str, Any], said: str) -> None:
    result = a_result(**more)
    judge(CATALOGUE["worker-throws"], result)
    assert result.verdict == ("fail" if said else "pass")
    assert said in result.why
    # What was missed is work for somebody (S107).
    assert bool(result.findings) == bool(said)


def test_a_split_that_is_seen_from_everywhere_is_none() -> None:
    seen = a_result("network-split", signal=["site"], decision="leave")
    judge(CATALOGUE["network-split"], seen)
    assert seen.verdict == "fail"
    del seen.moments["detect"]
    judge(CATALOGUE["network-split"], seen)
    assert seen.verdict == "pass"


def test_a_signal_where_none_was_expected_is_told() -> None:
    result = a_result("third-party-cloudflare-down", rto=0.0, signal=["site"])
    judge(CATALOGUE["third-party-cloudflare-down"], result)
    assert "no signal was expected, but site failed" in result.why


def history_of(*times: float, verdict: str = "pass", environment: str = "local") -> list[dict[str, Any]]:
    return [
        line_of(
            a_result(rto=rto, verdict=verdict),
            run=f"r{number}",
            environment=environment,
            at=NOW + timedelta(days=number),
        )
        for number, rto in enumerate(times)
    ]


@pytest.mark.parametrize(
    ("earlier", "now", "slow"),
    [
        ([10, 10, 10], 12.0, False),
        ([10, 10, 10], 12.5, True),
        ([20, 20, 20], 24.0, False),
        ([20, 20, 20], 25.0, True),
        # A moment more than what can be told apart is none.
        ([2, 2, 2], 3.9, False),
        # Two say nothing of what is usual.
        ([10, 10], 60.0, False),
        # The median does not care for one that was slow.
        ([10, 10, 90, 10, 10], 14.0, True),
    ],
)
def test_a_fifth_slower_than_usual_is_a_regression(earlier: list[float], now: float, slow: bool) -> None:
    told = slower(a_result(rto=now, verdict="pass"), history_of(*earlier), "local", 0.2)
    assert bool(told) is slow, told
    assert not slower(a_result(rto=now, verdict="pass"), history_of(*earlier, environment="qa"), "local", 0.2)
    assert not slower(a_result(rto=now, verdict="pass"), history_of(*earlier, verdict="fail"), "local", 0.2)


def test_the_dates_follow_from_the_history() -> None:
    assert dates_of([], "local", 31).last is None
    dates = dates_of(history_of(10, 10), "local", 31)
    assert dates.last == NOW + timedelta(days=1) and dates.next == NOW + timedelta(days=32)
    # A drill in which something failed does not count.
    failed = history_of(10, 10)
    failed[1]["verdict"] = "fail"
    assert dates_of(failed, "local", 31).last == NOW
    assert dates_of(history_of(10), "staging", 31).last is None


def test_a_torn_line_costs_that_line(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "drills.jsonl"
    for line in history_of(10, 11):
        append(file, line)
    with file.open("a") as end:
        end.write('{"scenario": "wor')
    assert [line["rto"] for line in read_history(file)] == [10, 11]
    assert read_history(tmp_path / "none") == []


def test_the_page_says_what_to_do_and_shows_the_trend() -> None:
    result = a_result(rto=70.0)
    judge(CATALOGUE["worker-throws"], result)
    page = page_of(
        [result],
        CATALOGUE,
        history_of(20, 30, 70),
        run="r2",
        environment="local",
        outcome={"verdict": "DRILL FAILED", "message": "<b>1 of 1</b>", "exit_code": 20},
        dates=dates_of(history_of(20), "local", 31),
    )
    assert "RTO 70.0 s, the target is 60 s" in page
    assert "&lt;b&gt;1 of 1" in page and "<b>1 of 1</b>" not in page
    assert "from 20.0 s to 70.0 s in 3 drills" in page and "2026-12-28" in page
    assert "src=" not in page and "<script" not in page


def test_a_line_is_json_with_every_moment() -> None:
    (line,) = history_of(20)
    told = json.loads(json.dumps(line, default=str))
    assert (
        told["moments"]["t_inject"] == "2026-11-27T06:00:00.000Z"
        and told["rto"] == 20
        and "activities" not in told
    )
