"""What answers mean for going back, for each trigger (S23-S27)."""

from __future__ import annotations

import time

import pytest

from plugins.module_utils.concurrent import begun
from plugins.module_utils.incident import TRIGGERS
from plugins.module_utils.trigger.evidence import (
    ASKED,
    COMPONENT,
    DATABASE,
    PARTY,
    PROTECTION,
    SIGNAL,
    Evidence,
    findings,
    floor_of,
)

ALL = (COMPONENT, DATABASE, PARTY, SIGNAL, PROTECTION)


def said(
    trigger: str, about: str, *told: Evidence, moves: tuple[dict[str, object], ...] = ()
) -> list[tuple[str, str]]:
    return [(item.helps, item.says) for item in findings(trigger, (about,), told, moves)]


def of(about: str, verdict: str, detail: str = "why", subject: str = "it", *, away: bool = False) -> Evidence:
    return Evidence(about, subject, "check", verdict, detail, away)


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_nothing_that_a_trigger_does_not_ask_for_has_a_meaning(trigger: str) -> None:
    told = [of(about, "fail") for about in ALL]
    meant = findings(trigger, ALL, told)
    assert bool(meant) == bool(ASKED[trigger])
    assert findings(trigger, [about for about in ALL if about not in ASKED[trigger]], told) == []


@pytest.mark.parametrize(
    ("told", "helps", "words"),
    [
        ([of(DATABASE, "pass", subject="app-db")], "maybe", "app-db answers from here: it is what serves"),
        ([of(DATABASE, "fail", subject="app-db", away=True)], "no", "app-db does not answer, and older code"),
        (
            [of(DATABASE, "fail", "it has no connection free")],
            "maybe",
            "lets nobody in from here (it has no conn",
        ),
        ([of(DATABASE, "inconclusive")], "unknown", "it is not known whether it is down"),
        ([], "unknown", "no database is part of this run"),
    ],
    ids=["up", "away", "full", "silent", "none"],
)
def test_a_database_that_is_down_is_told_from_one_that_was_lost(
    told: list[Evidence], helps: str, words: str
) -> None:
    [(found, says)] = said("database", DATABASE, *told)
    assert (found, words in says) == (helps, True), says


def test_one_database_of_two_is_enough_to_say_no() -> None:
    up, away = of(DATABASE, "pass", subject="a"), of(DATABASE, "fail", subject="b", away=True)
    assert [helps for helps, _ in said("database", DATABASE, up, away)] == ["no"]


@pytest.mark.parametrize(
    ("told", "helps", "words"),
    [
        (
            [of(PARTY, "pass", subject="psp")],
            "maybe",
            "psp is well as seen from here: the fault is more likely ours",
        ),
        ([of(PARTY, "fail", subject="psp")], "no", "psp is not well as seen from here, which is not ours"),
        ([of(PARTY, "inconclusive", subject="psp")], "unknown", "it is not known whether psp is down"),
        ([], "unknown", "no third party is declared (third_parties)"),
    ],
    ids=["well", "down", "silent", "none"],
)
def test_an_outage_of_the_provider_is_told_from_our_fault(
    told: list[Evidence], helps: str, words: str
) -> None:
    [(found, says)] = said("payments", PARTY, *told)
    assert (found, words in says) == (helps, True), says


def test_what_a_page_that_stays_white_is_not_about_needs_no_words() -> None:
    assert said("health", DATABASE) == said("health", PARTY) == []
    assert said("health", DATABASE, of(DATABASE, "pass")) == said("health", PARTY, of(PARTY, "pass")) == []


def counted(**versions: list[int]) -> Evidence:
    return Evidence(SIGNAL, "auth", "cloudflare analytics", "fail", "", figures={"versions": versions})


MOVE = {
    "component": "auth",
    "live": (("bad", 100.0),),
    "to_id": "good",
    "from_label": "r3",
    "to_label": "r2",
    "method": "deployment at 100 %",
}


@pytest.mark.parametrize(
    ("told", "helps", "words"),
    [
        (
            counted(bad=[100, 12], good=[900, 0]),
            "maybe",
            "12 of 100 requests to r3, which serves, failed; 0 of 900",
        ),
        (counted(bad=[100, 1], good=[900, 9]), "unknown", "1 of 100 requests to r3"),
        (counted(bad=[100, 0]), "unknown", "none to r2 was counted"),
        (counted(bad=[100, 3]), "maybe", "none to r2 was counted"),
    ],
    ids=["worse", "as before", "no error", "target unknown"],
)
def test_errors_are_told_apart_by_version(told: Evidence, helps: str, words: str) -> None:
    [(found, says)] = said("errors", SIGNAL, told, moves=(MOVE,))
    assert (found, words in says) == (helps, True), says


def test_without_versions_a_plan_or_a_signal_nothing_is_compared() -> None:
    assert said("errors", SIGNAL, counted(bad=[9, 9])) == []
    assert said("errors", SIGNAL, counted(other=[9, 9]), moves=(MOVE,)) == []
    assert said("errors", SIGNAL, counted(bad=[9, 9]), moves=({**MOVE, "method": "none"},)) == []
    assert said("errors", SIGNAL)[0][0] == "unknown"


def test_components_and_their_protection() -> None:
    bad, well = of(COMPONENT, "fail", subject="auth"), of(COMPONENT, "pass", subject="site")
    assert said("payments", COMPONENT, bad, well) == [
        ("maybe", "1 of 2 components did not keep their health contract: auth")
    ]
    assert said("payments", COMPONENT, well) == []
    [(helps, says)] = said("health", COMPONENT, well)
    assert (helps, "may be on the way to it" in says) == ("unknown", True)
    assert said("health", COMPONENT, well, of(COMPONENT, "inconclusive")) == []
    [(_, says)] = said(
        "security", PROTECTION, of(PROTECTION, "fail", "gone since r2 was recorded: X", "auth")
    )
    assert says == "auth is less protected: gone since r2 was recorded: X"
    assert floor_of("v1.4").says == "the target is not older than v1.4"
    assert floor_of("").helps == "unknown"


def test_who_does_not_answer_is_not_waited_for_and_the_others_are_heard() -> None:
    def work(seconds: float) -> float:
        time.sleep(seconds)
        if not seconds:
            raise ValueError("at once")
        return seconds

    began = time.monotonic()
    answers = begun(work, [0.01, 0, 30], 0.2)
    assert time.monotonic() - began < 0.1
    done, failed, late = answers()
    assert time.monotonic() - began < 0.5
    assert (done, str(failed), str(late)) == (0.01, "at once", "no answer in 0.2 s")
    assert isinstance(late, TimeoutError)


def test_the_time_runs_from_the_beginning() -> None:
    """Who had all the time while something else was done gets no more of it."""
    answers = begun(time.sleep, [30], 0.1)
    time.sleep(0.15)
    began = time.monotonic()
    [late] = answers()
    assert (time.monotonic() - began < 0.05, isinstance(late, TimeoutError)) == (True, True)
