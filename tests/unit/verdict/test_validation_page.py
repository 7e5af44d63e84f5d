"""The page of a validation: the verdict first, what needs a look before what does not, and nothing that runs."""

import re
from pathlib import Path

from plugins.module_utils.verdict.files import write
from tests.unit.verdict.test_validation_files import EVENTS


def page(tmp_path: Path, *more: dict[str, object]) -> str:
    start = {
        "event": "stage.start",
        "stage": "status",
        "environment": "prod",
        "time": "2026-11-24T03:00:00.000Z",
    }
    return write(tmp_path, "run-1", [start, *EVENTS, *more])["html"].read_text()


def test_the_verdict_comes_first_and_the_worst_component_before_the_others(tmp_path: Path) -> None:
    text = page(tmp_path)
    assert "<h1>prod does not work as it must</h1>" in text
    headings = re.findall(r"<h2>(\S+) <span class=\"pill \w+\">([^<]+)<", text)
    assert headings == [("db", "fail"), ("auth", "inconclusive"), ("queue", "not applicable")]
    assert "<b>2</b><span>passed</span><small>of 5 checks</small>" in text


def test_numbers_have_a_table_of_their_own(tmp_path: Path) -> None:
    rate = {
        "event": "rates",
        "component": "auth",
        "check": "error rate",
        "verdict": "pass",
        "n": 455,
        "bad": 0,
    }
    text = page(tmp_path, rate | {"interval": [0.0, 0.0066], "method": "a sequential test"})
    assert "0.00 % to 0.66 %" in text
    assert "a sequential test" in text


def test_what_a_service_says_is_text_and_nothing_is_fetched(tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>\u202e'
    text = page(
        tmp_path, {"event": "check", "component": hostile, "check": "x", "verdict": "fail", "detail": hostile}
    )
    assert "<script" not in text and "\u202e" not in text
    assert "&lt;script&gt;" in text
    assert not re.search(r"(?:src|href)=|url\(|@import", text)
    assert "default-src 'none'" in text
