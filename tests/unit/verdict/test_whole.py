"""How a run ends after further checks: the worst verdict, a reason, and the way on."""

from typing import Any

import pytest

from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED
from plugins.module_utils.verdict.whole import ended, worst

SO_FAR = {"message": "prod serves r1", "next": "look", "details": ["before"]}


def end(*verdicts: str, **more: Any) -> dict[str, Any]:
    checks = [
        {"component": f"c{number}", "check": "flow login", "verdict": verdict, "detail": "why"}
        for number, verdict in enumerate(verdicts)
    ]
    return ended("prod", checks, so_far=SO_FAR, claim="the flows work", **more)


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        (["pass", "inconclusive", "not applicable"], "inconclusive"),
        (["pass", "fail", "inconclusive"], "fail"),
        (["pass", "not applicable"], "pass"),
        (["not applicable"], "inconclusive"),
        ([], "inconclusive"),
    ],
)
def test_the_worst_is_that_of_the_whole(verdicts: list[str], said: str) -> None:
    assert worst([{"verdict": verdict} for verdict in verdicts]) == said


def test_a_remark_is_no_part_of_what_is_claimed() -> None:
    assert worst([{"verdict": "pass"}, {"verdict": "inconclusive", "remark": True}]) == "pass"


def test_a_pass_adds_to_what_was_proved() -> None:
    ending = end("pass", "not applicable")
    assert (ending["exit_code"], ending["next"]) == (DONE, "look")
    assert ending["message"] == "prod serves r1; the flows work"
    assert ending["details"][0] == "before"


def test_what_fails_is_named_with_the_way_back() -> None:
    ending = end("pass", "fail", "inconclusive")
    assert ending["exit_code"] == INVALID
    assert ending["message"] == "prod: it does not hold that the flows work: c1 (flow login)"
    assert ending["next"] == "ansible-playbook rollback.yml -i prod"


def test_after_a_rollback_the_way_on_is_an_older_release() -> None:
    ending = end("fail", rolled_back_to="r1")
    assert ending["message"].startswith("the set is at r1, but prod: ")
    assert ending["next"].endswith("-e release=<an older one>")


def test_what_is_not_known_is_no_pass() -> None:
    ending = end("pass", "inconclusive")
    assert ending["exit_code"] == NOT_PROVED
    assert ending["message"].endswith("the flows work: c1 (flow login)")
