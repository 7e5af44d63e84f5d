"""What the incident record holds beside the course of the run (S15, S16, S59-S63, S76, S82-S87, S94, S132)."""

from __future__ import annotations

from pathlib import Path

import pytest
import runs
from runs import of, opened

from plugins.module_utils.outcome import outcome
from plugins.module_utils.report.checks import state_of
from plugins.module_utils.report.incident import Check
from plugins.module_utils.report.markdown import markdown_of
from plugins.module_utils.report.page import page_of
from plugins.module_utils.report.text import text_of


def test_checks_of_every_kind_are_shown_with_their_figures(tmp_path: Path) -> None:
    figures = {
        "n": 455,
        "interval": [0.0, 0.0066],
        "method": "a sequential test",
        "detail": "0 of 455 are bad",
    }
    rates = {"component": "site", "check": "error rate", "verdict": "pass", **figures}
    flow = {
        "component": "production",
        "check": "flow login",
        "verdict": "fail",
        "detail": "step 2: status 500",
    }
    dns = {"component": "zone", "check": "dns", "verdict": "inconclusive", "detail": "one resolver is silent"}
    none = {
        "component": "production",
        "check": "sentry",
        "verdict": "not applicable",
        "detail": "not configured",
    }
    more = [(2.35, "rates", rates), (2.36, "check", flow), (2.37, "check", dns), (2.38, "check", none)]
    found = of(tmp_path, runs.good(*more))
    told = {(check.subject, check.what): check for check in found.checks}
    shown = told["site", "error rate"]
    assert (shown.verdict, shown.n, shown.interval, shown.method) == (
        "pass",
        455,
        (0.0, 0.0066),
        "a sequential test",
    )
    assert (told["production", "flow login"].verdict, told["zone", "dns"].verdict) == ("fail", "inconclusive")
    assert {"Repair production (flow login): step 2: status 500"} <= {item.title for item in found.actions}
    said = [entry.what for entry in found.timeline]
    assert "production: flow login fail: step 2: status 500" in said
    assert not any("sentry" in line for line in said)
    assert found.application == "DEGRADED"


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        (["pass", "pass"], "HEALTHY"),
        (["pass", "not applicable"], "HEALTHY"),
        (["not applicable"], "UNKNOWN"),
        ([], "UNKNOWN"),
        (["pass", "inconclusive"], "UNKNOWN"),
        (["pass", "inconclusive", "fail"], "DEGRADED"),
        (["fail", "fail"], "DOWN"),
    ],
)
def test_the_state_follows_from_the_verdicts_and_is_no_guess(verdicts: list[str], state: str) -> None:
    assert (
        state_of([Check("c", str(number), verdict, "") for number, verdict in enumerate(verdicts)]) == state
    )


def test_a_remark_of_a_validation_that_passed_is_no_doubt(tmp_path: Path) -> None:
    remark = {
        "component": "site",
        "check": "flow room",
        "verdict": "inconclusive",
        "detail": "it was down before",
    }
    found = of(tmp_path, runs.good((2.35, "check", remark)))
    assert (found.status, found.application) == ("RESOLVED", "HEALTHY")
    assert "1 check of 4 came to no verdict" in found.current_notes
    assert [item.title for item in found.actions if "could not be shown" in item.title] == [
        "Find out what could not be shown: site (flow room)"
    ]


def test_what_is_not_proved_stays_open(tmp_path: Path) -> None:
    late = {"component": "site", "check": "latency", "verdict": "inconclusive", "detail": "12 answers"}
    events = [*runs.good()[:-1], (2.35, "rates", late), *runs.ended(16, "neither proved nor disproved")]
    found = of(tmp_path, events)
    assert (found.rollback_status, found.ended, found.status) == ("COMPLETED", "NOT PROVED", "MITIGATING")
    assert found.over.startswith("Not shown")
    assert (found.completed is None, found.restored) == (False, None)
    assert any("latency" in item.title for item in found.actions)


def test_what_was_resolved_is_open_again_when_the_watch_takes_it_back(tmp_path: Path) -> None:
    worse = (60.0, "outcome", outcome(13, "errors came back", next_="go on"))
    found = of(tmp_path / "watch", [*runs.good(), *runs.stage(3.0, 59.0, "watch", []), worse])
    assert [state.what for state in found.states] == ["INVESTIGATING", "MITIGATING", "RESOLVED", "MITIGATING"]
    assert (found.status, found.next_command) == ("MITIGATING", "go on")
    # A stage that goes on with the validation itself, such as flows, was part of the proof.
    found = of(tmp_path / "flows", [*runs.good(), worse])
    assert [state.what for state in found.states] == ["INVESTIGATING", "MITIGATING"]


def test_a_proof_is_complete_with_its_last_stage(tmp_path: Path) -> None:
    more = (5.0, "outcome", outcome(0, "and the flows work", next_="status"))
    found = of(tmp_path, [*runs.good(), *runs.stage(2.5, 4.9, "flows", []), more])
    assert (found.restored, found.states[-1].elapsed) == ("2026-03-02T10:00:05Z", 5.0)


def test_the_target_has_its_evidence_and_the_suspects_their_commits(tmp_path: Path) -> None:
    evidence = {"verdict": "pass", "tier": "full", "by": "ci", "run": "run-1", "served": 7200.0}
    told = {**evidence, "time": "2026-03-01T09:00:00+00:00"}
    moves = [runs.move("auth-worker", from_commit="b" * 40)]
    added = ["auth-worker: binding kv_namespace CACHE is new; goes back with the version"]
    found = of(tmp_path, [*runs.begun(evidence=told, moves=moves, goes_back=added), *runs.ended(10, "no")])
    said = "\n".join(found.evidence)
    assert "passed the full validation at 2026-03-01 09:00:00 UTC, recorded by ci in run run-1" in said
    assert "served for 2 h 00 min" in said
    assert any("commit bbbbbbbbbbbb against a50126cc2d6c" in line for line in found.suspects)
    assert any("binding kv_namespace CACHE" in line for line in found.suspects)
    bare = of(tmp_path / "bare", [*runs.begun(evidence={}), *runs.ended(10, "no")])
    assert "nobody recorded that it works" in bare.evidence


def test_how_it_was_before_and_requests_by_version_are_its_impact(tmp_path: Path) -> None:
    before = [
        (1.05, "before", {"component": "site", "known": False, "why": "no answer in 3 s"}),
        (1.06, "before", {"component": "auth-worker", "known": True, "headers": None}),
    ]
    counted = {
        "component": "auth-worker",
        "check": "cloudflare errors",
        "verdict": "pass",
        "window": ["10:00", "10:05"],
        "versions": {"auth-worker-bad": [340, 12], "auth-worker-good": [50, 0]},
    }
    good = runs.good((2.35, "check", counted))
    said = "\n".join(of(tmp_path, [*good[:6], *before, *good[6:]]).impact)
    assert "Just before the change, site: no answer: no answer in 3 s" in said
    assert "Just before the change, auth-worker: an error, or a page in front of it" in said
    assert "auth-worker: 12 of 340 requests to it failed (cloudflare errors, 10:00 to 10:05)" in said
    assert "were not counted" not in said


def test_links_carry_the_time_of_the_incident(tmp_path: Path) -> None:
    dashboards = {
        "Grafana": "https://grafana.example/d/x?from={from_ms}&to={to_ms}&var={other}",
        "Sentry": "https://sentry.example/?start={from}&end={to}",
        "not the web": "javascript:alert({from})",
    }
    event = opened(dashboards=dashboards, detected="2026-03-02T09:58:00Z")
    links = {link.name: link.url for link in of(tmp_path, [runs.good()[0], event, *runs.good()[1:]]).links}
    # The newest deployment of what was left is earlier than the detection.
    begins, ends = 1772444460000, 1772446502400
    assert links["Grafana"] == f"https://grafana.example/d/x?from={begins}&to={ends}&var={{other}}"
    assert (
        links["Sentry"]
        == "https://sentry.example/?start=2026-03-02T09%3A41%3A00Z&end=2026-03-02T10%3A15%3A02Z"
    )
    assert set(links) == {"Grafana", "Sentry"}


@pytest.mark.parametrize(
    ("left", "shown"), [(["b" * 40] * 2, True), (["b" * 40, "c" * 40], False), ([None, None], False)]
)
def test_a_link_leads_to_the_difference_of_the_code(
    tmp_path: Path, left: list[str | None], shown: bool
) -> None:
    url = "https://git.example/app/compare/{target_commit}...{left_commit}"
    event = opened(dashboards={"Code": url, "Grafana": "https://grafana.example/d/x"})
    moves = [runs.move(name, from_commit=commit) for name, commit in zip(runs.NAMES, left, strict=False)]
    begun = runs.begun(moves=moves)
    links = {link.name: link.url for link in of(tmp_path, [begun[0], event, *begun[1:]]).links}
    code = {"Code": f"https://git.example/app/compare/a50126cc2d6c726de0ca203c3b659f658d356173...{'b' * 40}"}
    assert links == {**(code if shown else {}), "Grafana": "https://grafana.example/d/x"}


def test_people_of_the_incident_are_named(tmp_path: Path) -> None:
    event = opened(commander="ada", scribe="bob", owner="DevOps/SRE", source="PagerDuty", evidence="alert 7")
    found = of(tmp_path, [runs.good()[0], event, *runs.good()[1:]])
    assert (found.by, found.scribe, found.owner, found.source) == ("ada", "bob", "DevOps/SRE", "PagerDuty")
    assert found.trigger_evidence == ("alert 7",)


ASKED = {
    "about": "third party",
    "component": "payments",
    "check": "health",
    "verdict": "fail",
    "detail": "status 503",
}
AWAY = {
    "about": "database",
    "component": "app-db",
    "check": "reachable",
    "verdict": "fail",
    "detail": "refused",
}
SAYS = "payments is not well as seen from here, which is not ours to roll back"


def test_what_was_asked_as_evidence_is_in_every_form(tmp_path: Path) -> None:
    told = [(0.85, "trigger.evidence", ASKED), (0.86, "trigger.finding", {"says": SAYS, "helps": "no"})]
    found = of(tmp_path, runs.good(*told))
    assert [(check.subject, check.verdict) for check in found.trigger_checks] == [("payments", "fail")]
    assert (found.findings, found.external) == ((SAYS,), "DOWN")
    assert f"r3 answers nonsense; evidence: {SAYS}\n" in text_of(found)
    assert "## Evidence" in markdown_of(found, None) and SAYS in markdown_of(found, None)
    assert '<section id="evidence"' in page_of(found, None) and "status 503" in page_of(found, None)
    said = [entry.what for entry in found.timeline]
    assert "Evidence, payments: health fail: status 503" in said and f"Evidence says: {SAYS}" in said
    # What was asked before the change is no check of the target.
    assert not any(check.subject == "payments" for check in found.checks)


def test_without_evidence_there_is_no_section_of_it(tmp_path: Path) -> None:
    found = of(tmp_path, runs.good())
    assert "Evidence" not in markdown_of(found, None).replace("Trigger evidence", "")
    assert "evidence:" not in text_of(found)


def test_a_database_that_is_away_is_down_where_the_run_came_no_further(tmp_path: Path) -> None:
    events = [*runs.begun(), (0.95, "trigger.evidence", AWAY), *runs.ended(10, "nothing was changed: app-db")]
    assert of(tmp_path, events).database == "DOWN"


def test_requests_that_evidence_counted_are_part_of_the_impact(tmp_path: Path) -> None:
    counts = {"site-bad": [100, 12], "site-good": [900, 0]}
    signal = {"about": "signal", "component": "site", "check": "cloudflare analytics", "verdict": "fail"}
    told = signal | {"detail": "", "versions": counts, "window": ["09:50", "10:00"]}
    impact = of(tmp_path, runs.good((0.85, "trigger.evidence", told))).impact
    assert "site: 12 of 100 requests to it failed (cloudflare analytics, 09:50 to 10:00)" in impact


def test_lessons_begin_with_what_the_run_showed(tmp_path: Path) -> None:
    found = dict(of(tmp_path, runs.good()).lessons)
    assert any("Quick rollback: 2.4 s of 2 min" in line for line in found["Went well"])
    assert any("3 of 3 components" in line for line in found["Went well"])
    assert any("time to detect is not known" in line for line in found["Did not"])
    assert len(found["For people to answer"]) == 4


def test_the_text_for_the_vendor_is_in_the_report(tmp_path: Path) -> None:
    call = {"method": "POST", "path": "workers/x", "status": 503, "ray": "8f1-FRA", "seconds": 0.2}
    events = [runs.good()[0], opened(account="4711"), *runs.good((2.05, "api", call))[1:]]
    calls = of(tmp_path, events).calls
    assert "account 4711" in calls.support and "8f1-FRA" in calls.support
    assert of(tmp_path / "well", runs.good()).calls.support == ""


@pytest.mark.parametrize(
    ("code", "title", "over"),
    [
        (0, "production: a step of recovery was taken", "Not shown"),
        (10, "production: the recovery was refused", "No. Nothing was changed"),
        (12, "production: the recovery failed", "No."),
    ],
)
def test_a_step_of_recovery_is_no_rollback_and_proves_nothing(
    tmp_path: Path, code: int, title: str, over: str
) -> None:
    change = {"component": "www", "before": ["CNAME a"], "after": ["CNAME b"], "old_answers": 60}
    events = [(0.0, "run.start", {"playbook": "recovery"}), opened(environment="production")]
    if code != 10:
        events += runs.stage(0.5, 0.9, "dns", [(0.7, "dns.changed", change)])
    found = of(tmp_path, [*events, *runs.ended(code, "www answers with b", "end it: -e state=off")])
    assert (found.title, found.over.startswith(over)) == (title, True)
    assert found.status == ("INVESTIGATING" if code == 10 else "MITIGATING")
    if code != 10:
        assert "www: DNS changed from CNAME a to CNAME b" in [entry.what for entry in found.timeline]
    killed = of(tmp_path / "killed", events)
    assert killed.next_command == "ansible-playbook recovery.yml -i production"


def test_a_watch_has_a_report_only_when_it_rolled_back(tmp_path: Path) -> None:
    begin = (0.0, "run.start", {"playbook": "watch"})
    with pytest.raises(ValueError, match=r"watch\.yml, which rolls nothing back"):
        of(tmp_path / "idle", [begin, *runs.ended(0, "nothing got worse")])
    assert of(tmp_path / "did", [begin, opened(), *runs.good()[1:]]).status == "RESOLVED"
