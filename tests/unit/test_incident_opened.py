"""What a run says of its incident (S71-S74, S78)."""

import pytest

from plugins.module_utils.incident import TRIGGERS, NotATime, opened

SAID = {
    "incident": "",
    "severity": "",
    "trigger": "person",
    "detected": "",
    "reason": "",
    "operator": "mia",
    "automatic": False,
    "drill": False,
}


def test_without_an_id_it_has_that_of_its_run() -> None:
    assert opened("run-1", **SAID)["incident"] == "run-1"
    assert opened("run-2", **{**SAID, "incident": "INC-7"})["incident"] == "INC-7"


@pytest.mark.parametrize(
    ("given", "severity"),
    [
        ({}, "CRITICAL"),
        ({"trigger": "deploy"}, "HIGH"),
        ({"trigger": "security"}, "CRITICAL"),
        ({"drill": True}, "LOW"),
        ({"severity": "MEDIUM"}, "MEDIUM"),
    ],
)
def test_the_severity_follows_from_the_trigger(given: dict[str, object], severity: str) -> None:
    assert opened("run", **{**SAID, **given})["severity"] == severity


def test_the_moment_of_detection_is_utc() -> None:
    assert (
        opened("run", **{**SAID, "detected": "2026-11-24T22:30:00+01:00"})["detected"]
        == "2026-11-24T21:30:00Z"
    )
    assert opened("run", **{**SAID, "detected": "2026-11-24 21:30"})["detected"] == "2026-11-24T21:30:00Z"
    with pytest.raises(NotATime, match="half past nine"):
        opened("run", **{**SAID, "detected": "half past nine"})


def test_who_noticed_it_and_what_showed_it_are_kept() -> None:
    told = opened("run", **SAID, detected_by="PagerDuty", evidence="https://alerts.example/7", scribe="bob")
    assert (told["source"], told["evidence"], told["scribe"]) == (
        "PagerDuty",
        "https://alerts.example/7",
        "bob",
    )
    assert opened("run", **{**SAID, "automatic": True})["source"] == "automatic"


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_trigger_of_the_runbook_has_a_severity(trigger: str) -> None:
    assert opened("run", **{**SAID, "trigger": trigger})["severity"] in ("CRITICAL", "HIGH")
