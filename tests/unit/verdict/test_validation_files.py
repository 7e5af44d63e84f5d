"""The files of a validation, as another program reads them."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from plugins.module_utils.verdict.files import checks_of, document, write

EVENTS: list[dict[str, Any]] = [
    {"event": "run.start"},
    {"event": "stage.start", "stage": "rehearse"},
    {"event": "probe", "component": "auth", "verdict": "fail", "problems": ["in the rehearsal"]},
    {"event": "stage.start", "stage": "validate"},
    {"event": "probe", "component": "auth", "verdict": "fail", "problems": ["status 500 instead of 200"]},
    {"event": "probe", "component": "auth", "verdict": "pass", "problems": [], "attempts": 2, "seconds": 0.1},
    {
        "event": "database.checked",
        "database": "db",
        "verdict": "fail",
        "problems": ["\x00 <tables> are missing"],
    },
    {"event": "stage.start", "stage": "rates"},
    {"event": "rates", "seq": 9, "component": "auth", "check": "latency", "verdict": "inconclusive", "n": 3},
    {"event": "check", "component": "auth", "check": "headers", "verdict": "pass", "detail": "as before"},
    {
        "event": "rates",
        "component": "queue",
        "check": "error rate",
        "verdict": "not applicable",
        "detail": "none",
    },
]


def test_the_last_result_of_every_check_counts() -> None:
    found = {(check["component"], check["check"]): check["verdict"] for check in checks_of(EVENTS)}
    assert found == {
        ("auth", "health"): "pass",
        ("db", "database"): "fail",
        ("auth", "latency"): "inconclusive",
        ("auth", "headers"): "pass",
        ("queue", "error rate"): "not applicable",
    }


def test_files_are_what_ci_reads(tmp_path: Path) -> None:
    files = write(tmp_path, "run-1", EVENTS)
    read = json.loads(files["json"].read_text())
    assert (read["run"], read["verdict"], len(read["checks"])) == ("run-1", "fail", 5)
    assert "seq" not in read["checks"][2]
    suite = ElementTree.parse(files["xml"]).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "5",
        "1",
        "1",
        "1",
    )
    assert suite.findall("testcase/failure")[0].get("message") == "? <tables> are missing"
    # What is not proved is no success for CI.
    assert suite.findall("testcase/error/..")[0].get("name") == "latency"


def test_the_worst_verdict_is_that_of_the_whole() -> None:
    def whole(*verdicts: str) -> str:
        return str(document("r", [{"verdict": verdict} for verdict in verdicts])["verdict"])

    assert whole("pass", "inconclusive", "not applicable") == "inconclusive"
    assert whole("pass", "fail", "inconclusive") == "fail"
    assert whole("pass", "not applicable") == "pass"
    assert whole() == whole("not applicable") == "inconclusive"
