"""When a pipeline asks for a rollback, why, and when it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from knowngood.pipeline import about, tell
from plugins.module_utils.trigger.pipeline import NotAResult, changed, said
from plugins.module_utils.trigger.sarif import Finding, NotSarif, findings

FOUND = [Finding("semgrep", "sql-injection", "error", "auth.ts:7")]


@pytest.mark.parametrize(
    ("deploy", "health", "performance", "found", "trigger"),
    [
        ("success", "0", "0", [], None),
        ("0", "skipped", "skipped", [], None),
        ("failure", "skipped", "", [], "deploy"),
        ("cancelled", "skipped", "skipped", [], "deploy"),
        ("1", "skipped", "skipped", [], "deploy"),
        # knowngood lock ran no deploy, and a job before it failed.
        ("10", "failure", "skipped", [], None),
        ("skipped", "skipped", "skipped", FOUND, None),
        ("success", "13", "skipped", [], "health"),
        ("success", "failure", "skipped", [], "health"),
        ("success", "0", "13", [], "performance"),
        ("success", "13", "13", FOUND, "security"),
        ("failure", "skipped", "skipped", FOUND, "security"),
    ],
)
def test_the_most_urgent_reason_counts(
    deploy: str, health: str, performance: str, found: list[Finding], trigger: str | None
) -> None:
    told = said(deploy=deploy, health=health, performance=performance, findings=found)
    assert (told.trigger, told.proved) == (trigger, True)
    assert told.reason


@pytest.mark.parametrize("code", ["16", "10", "1", "250", "cancelled"])
def test_a_check_that_could_not_be_made_takes_nothing_away_and_proves_nothing(code: str) -> None:
    told = said(deploy="success", health=code, performance="skipped")
    assert (told.trigger, told.proved) == (None, False)
    assert code in told.reason
    # What is known to be bad goes back nevertheless.
    assert said(deploy="success", health=code, performance="13").trigger == "performance"


def test_a_result_that_nobody_knows_is_no_pass() -> None:
    with pytest.raises(NotAResult, match="--health is 'ok'"):
        said(deploy="success", health="ok", performance="skipped")


def status(**versions: str) -> dict[str, Any]:
    rows = [
        {"component": name, "serving": [{"version": id_, "percent": 100}]} for name, id_ in versions.items()
    ]
    return {"components": rows, "databases": [{"name": "db", "level": "0001"}]}


def test_what_a_deploy_changed() -> None:
    before = status(auth="a1", site="s1")
    assert changed(before, status(auth="a1", site="s1")) == []
    assert changed(before, status(auth="a2", site="s1")) == ["auth"]
    assert changed(before, status(auth="a1", site="s1", new="n1")) == ["new"]
    migrated = {**status(auth="a1", site="s1"), "databases": [{"name": "db", "level": "0002"}]}
    assert changed(before, migrated) == ["db"]
    split = status(auth="a1", site="s1")
    split["components"][0]["serving"].append({"version": "a2", "percent": 5})
    assert changed(before, split) == ["auth"]


def written(tmp_path: Path, **run: Any) -> Path:
    rules = [
        {"id": "leak", "defaultConfiguration": {"level": "error"}},
        {"id": "style", "defaultConfiguration": {"level": "note"}},
        {"id": "plain"},
    ]
    told = {"tool": {"driver": {"name": "scanner", "rules": rules}}, **run}
    path = tmp_path / "found.sarif"
    path.write_text(json.dumps({"version": "2.1.0", "runs": [told]}))
    return path


@pytest.mark.parametrize(
    ("result", "fails_at"),
    [
        ({"ruleId": "leak"}, "error"),
        ({"ruleId": "leak", "level": "warning"}, "warning"),
        ({"ruleIndex": 1}, "note"),
        ({"ruleId": "plain"}, "warning"),
        ({"ruleId": "unknown"}, "warning"),
        ({"ruleId": "leak", "kind": "pass", "level": "none"}, None),
        ({"ruleId": "leak", "suppressions": [{"kind": "inSource"}]}, None),
        ({"ruleId": "leak", "suppressions": [{"kind": "external", "status": "underReview"}]}, "error"),
        ({"ruleId": "leak", "baselineState": "unchanged"}, None),
        ({"ruleId": "leak", "baselineState": "new"}, "error"),
    ],
)
def test_a_finding_counts_from_its_level_on(
    tmp_path: Path, result: dict[str, Any], fails_at: str | None
) -> None:
    path = written(tmp_path, results=[result])
    levels = ["note", "warning", "error"]
    counts = levels[: levels.index(fails_at) + 1] if fails_at else []
    assert [level for level in levels if findings(path, level)] == counts


def test_a_finding_says_where(tmp_path: Path) -> None:
    place = {"physicalLocation": {"artifactLocation": {"uri": "auth.ts"}, "region": {"startLine": 7}}}
    (found,) = findings(written(tmp_path, results=[{"ruleId": "leak", "locations": [place]}]), "error")
    assert str(found) == "scanner: leak (error) in auth.ts:7"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": "2.1.0"}',
        '{"version": "2.0.0", "runs": []}',
        '{"version": "2.1.0", "runs": [{}]}',
        '{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "s"}},'
        ' "invocations": [{"executionSuccessful": false}]}]}',
    ],
    ids=["empty", "a list", "an object", "no runs", "another version", "no tool", "broke off"],
)
def test_what_is_no_verdict_is_no_pass(tmp_path: Path, text: str) -> None:
    path = tmp_path / "found.sarif"
    path.write_text(text)
    with pytest.raises(NotSarif, match=r"found\.sarif is no verdict of a gate: "):
        findings(path, "error")


def test_outputs_stay_on_their_lines(tmp_path: Path) -> None:
    told = {"verdict": "DONE", "message": "one\nexit-code=0", "report": ""}
    tell({"GITHUB_OUTPUT": str(tmp_path / "o"), "GITHUB_STEP_SUMMARY": str(tmp_path / "s")}, told)
    assert (tmp_path / "o").read_text() == "verdict=DONE\nmessage=one exit-code=0\nreport=\n"
    assert (tmp_path / "s").read_text().startswith("**DONE**: one")


def test_a_pipeline_that_is_run_again_is_the_same_incident() -> None:
    gitlab = {"GITLAB_CI": "true", "CI_PIPELINE_ID": "12", "CI_PIPELINE_URL": "https://gitlab.example/12"}
    assert about(gitlab)["incident"] == about({**gitlab, "CI_JOB_ID": "99"})["incident"] == "gitlab-12"
    assert about({}) == {}
