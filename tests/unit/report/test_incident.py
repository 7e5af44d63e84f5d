"""What the incident record says of runs that ended in every way (S2, S14-S18, S71-S91, S124-S126)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import runs
from runs import of, opened

from plugins.module_utils.report.model import incident_of


def test_a_good_run_is_resolved_with_its_times(tmp_path: Path) -> None:
    found = of(tmp_path, runs.good())
    assert (found.status, found.rollback_status, found.ended, found.severity) == (
        "RESOLVED",
        "COMPLETED",
        "DONE",
        "CRITICAL",
    )
    assert found.title == "production: rolled back from r3 to r2"
    assert found.reason == "r3 answers nonsense"
    assert [state.what for state in found.states] == ["INVESTIGATING", "MITIGATING", "RESOLVED"]
    assert (found.initiated, found.completed, found.restored) == (
        "2026-03-02T10:00:00Z",
        "2026-03-02T10:00:01Z",
        "2026-03-02T10:00:02Z",
    )
    assert (found.application, found.database) == ("HEALTHY", "UNKNOWN")
    assert [each.state for each in found.components] == ["moved"] * 3
    assert found.passed_over == (("r2b", "condemned: it lost orders"),)
    assert [(each.row, each.verdict) for each in found.budgets] == [
        ("S2", "kept"),
        ("S124", "not known"),
        ("S125", "kept"),
        ("S126", "not done"),
    ]
    assert any("route of site" in line for line in found.suspects)


def test_a_run_that_was_told_when_it_was_detected_is_measured_from_there(tmp_path: Path) -> None:
    events = [runs.good()[0], opened(detected="2026-03-02T09:58:00Z", source="an alert"), *runs.good()[1:]]
    found = of(tmp_path, events)
    times = {each.name: each.seconds for each in found.measures}
    assert times["Time to detect"] == 120
    assert times["Time to mitigate"] == pytest.approx(121.9)
    assert times["Time to restore"] == pytest.approx(122.4)
    assert found.timeline[0].what == "Issue detected by an alert"
    assert [each.verdict for each in found.budgets[:3]] == ["kept"] * 3
    assert found.id == "INC-7"


def test_what_took_too_long_breaks_its_budget_and_is_a_deviation(tmp_path: Path) -> None:
    events = [runs.good()[0], opened(detected="2026-03-02T09:40:00Z"), *runs.good()[1:]]
    found = of(tmp_path, events)
    assert [(each.row, each.verdict) for each in found.budgets[:3]] == [
        ("S2", "kept"),
        ("S124", "broken"),
        ("S125", "broken"),
    ]
    assert any("S125" in line for line in found.deviations)


def test_an_unknown_detection_is_said_and_not_guessed(tmp_path: Path) -> None:
    found = of(tmp_path, runs.good())
    assert found.detected is None
    detect = found.measures[0]
    assert (detect.seconds, detect.note) == (None, "nobody said when it was detected")
    assert any("when the incident was detected" in item.title for item in found.actions)


ENDS = [
    (10, "nothing was changed: no target", "FAILED", "REFUSED", "INVESTIGATING"),
    (12, "no component is known to have arrived", "FAILED", "FAILED", "MITIGATING"),
    (15, "nothing was changed: the payment provider is down", "FAILED", "NOT BEGUN", "INVESTIGATING"),
    (17, "nothing was changed: asked for", "FAILED", "CANCELLED", "INVESTIGATING"),
]


@pytest.mark.parametrize(("code", "message", "status", "word", "state"), ENDS)
def test_ends_without_a_change_of_the_set(
    tmp_path: Path, code: int, message: str, status: str, word: str, state: str
) -> None:
    middle = runs.goal() if code == 12 else []
    found = of(tmp_path, [*runs.begun(), *middle, *runs.ended(code, message, "do this next")])
    assert (found.rollback_status, found.ended, found.status) == (status, word, state)
    assert message[8:] in found.happened
    assert not found.over.startswith("Yes")
    assert found.actions[0].title == "End the incident: do this next"
    assert (found.completed, found.restored) == (None, None)


def test_a_mixed_set_is_failed_and_names_who_stands_where(tmp_path: Path) -> None:
    events = [
        *runs.begun(),
        *runs.goal(),
        *runs.switched(site="status 500"),
        *runs.ended(11, "the set is mixed: 2 of 3 components arrived", "again"),
    ]
    found = of(tmp_path, events)
    assert (found.rollback_status, found.ended, found.status) == ("FAILED", "PARTIAL", "MITIGATING")
    assert {each.name: each.state for each in found.components} == {
        "auth-worker": "moved",
        "content-worker": "moved",
        "site": "not moved",
    }
    assert found.application == "DEGRADED"
    assert found.completed is None
    assert "The target was not rehearsed before it was switched to" in found.deviations


def test_moved_and_not_proved_is_no_success(tmp_path: Path) -> None:
    events = [
        *runs.begun(),
        *runs.goal(),
        *runs.rehearsed(),
        *runs.switched(),
        *runs.validated(site="status 500"),
        *runs.ended(13, "the set is at r2, but production: site does not keep the contract"),
    ]
    found = of(tmp_path, events)
    assert (found.rollback_status, found.ended, found.status) == (
        "FAILED",
        "MOVED, NOT WORKING",
        "MITIGATING",
    )
    assert found.application == "DEGRADED"
    assert found.completed is not None
    assert found.restored is None
    assert any(
        item.title == "Repair site (health): status 500" and item.kind == "mitigate" for item in found.actions
    )


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_killed_run_says_that_it_is_not_at_its_end(tmp_path: Path, cut: int) -> None:
    found = of(tmp_path, runs.good()[:cut])
    assert (found.rollback_status, found.ended, found.finished) == ("IN-PROGRESS", "UNFINISHED", False)
    assert found.status in ("INVESTIGATING", "MITIGATING")
    assert "under way, or it was killed" in found.happened
    # The first events do not name the environment yet.
    environment = "production" if cut > 2 else "<environment>"
    assert found.next_command == f"ansible-playbook rollback.yml -i {environment}"


def test_a_run_that_ansible_ended_broke_off(tmp_path: Path) -> None:
    found = of(tmp_path, [*runs.begun(), (3.0, "run.closed", {"head": "0", "public_key": "0"})])
    assert (found.rollback_status, found.ended, found.finished) == ("FAILED", "BROKE OFF", True)
    assert "nothing was changed" in found.happened


DATA: list[tuple[list[runs.Event], list[runs.Event], str]] = [
    ([], [], "No database is part of this run"),
    ([runs.database("nothing")], [], "No data was lost: no database had to go back"),
    ([runs.database("rewind", runs.loss(4))], [], "the databases that were to go back were not touched"),
    (
        [runs.database("rewind", runs.loss(4))],
        runs.database_moved("rewind", runs.loss(5), kept=("a.csv",)),
        "restored to an earlier state (restore the backup of 09:55); 5 rows are lost, kept in 1 file.",
    ),
    (
        [runs.database("rewind", runs.loss(None))],
        runs.database_moved("rewind", runs.loss(None)),
        "an unknown number of rows is lost, and not kept",
    ),
    ([runs.database("rewind")], runs.database_moved("rewind"), "no row was found that was written since"),
    (
        [runs.database("down", runs.loss(1, exact=False))],
        runs.database_moved("down", runs.loss(1, exact=False), kept=("b",)),
        "went down by 1 migration; up to 1 row is lost, kept in 1 file.",
    ),
    (
        [runs.database("rewind", runs.loss(4))],
        [(1.45, "database.failed", {"database": "app-db", "problem": "the disk is full"})],
        "Not known: the change of app-db did not come to its end",
    ),
    (
        [runs.database("rewind", runs.loss(4))],
        [(1.45, "database.rewind", {"database": "app-db", "to": "x", "undo": {"bookmark": "y"}})],
        "Not known: the change of app-db did not come to its end",
    ),
]


@pytest.mark.parametrize(("planned", "done", "said"), DATA)
def test_the_loss_is_stated_once_and_never_both_ways(
    tmp_path: Path, planned: list[runs.Event], done: list[runs.Event], said: str
) -> None:
    found = of(tmp_path, [*runs.begun(), *planned, *runs.goal(), *done, *runs.ended(12, "ended")])
    assert said in found.loss
    assert not ("restored" in found.loss and "no data" in found.loss.lower())


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        ({"trigger": "health"}, "CRITICAL"),
        ({"trigger": "deploy"}, "HIGH"),
        ({"trigger": "something else"}, "CRITICAL"),
        ({"trigger": "health", "severity": "low"}, "LOW"),
        ({"trigger": "health", "severity": "whatever"}, "CRITICAL"),
        ({"trigger": "health", "drill": True}, "LOW"),
        ({"trigger": "health", "drill": True, "severity": "HIGH"}, "HIGH"),
    ],
)
def test_severity_follows_from_the_trigger_and_can_be_said(
    tmp_path: Path, told: dict[str, Any], severity: str
) -> None:
    assert of(tmp_path, [runs.good()[0], opened(**told), *runs.good()[1:]]).severity == severity


@pytest.mark.parametrize(
    ("severity", "review"),
    [
        ("CRITICAL", "2026-03-03T11:00:00Z"),
        ("HIGH", "2026-03-05T11:00:00Z"),
        ("MEDIUM", "2026-03-09T11:00:00Z"),
        ("LOW", "2026-03-09T11:00:00Z"),
    ],
)
def test_the_review_is_due_by_severity(tmp_path: Path, severity: str, review: str) -> None:
    found = of(tmp_path, [runs.good()[0], opened(severity=severity), *runs.good()[1:]])
    assert found.review == review
    assert all(item.due <= review for item in found.actions)


def test_deviations_are_listed(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        [
            *runs.begun(left_out=["site"], moves=[runs.move("auth-worker", secret_changed=True)]),
            (0.95, "lock.broken", {"holder": "a deploy of x", "reason": "it hangs"}),
            (0.96, "approval.bypassed", {"reason": "users cannot pay", "by": "ada"}),
            *runs.goal(emergency="users cannot pay"),
            (1.1, "api.retry", {"fault": "GET x: status 503", "pause": 0.2}),
            (1.2, "api.retry", {"fault": "GET x: status 503", "pause": 0.4}),
            *runs.switched()[:3],
            (2.0, "ledger.trouble", {"why": "it is away"}),
            *runs.ended(0, "done"),
        ],
    )
    said = "\n".join(found.deviations)
    for words in ("users cannot pay", "it hangs", "not rehearsed", "Secrets changed", "asked again 2 times"):
        assert words in said
    for words in ("site was left out", "The ledger was not written: it is away"):
        assert words in said
    assert (found.ended, found.status) == ("DONE IN PART", "MITIGATING")
    assert found.approvals == ("emergency, without an approval: users cannot pay",)
    assert found.external == "DEGRADED"


@pytest.mark.parametrize(
    ("reviewed", "overdue"), [("2026-02-20", False), ("2025-11-20", True), ("soon", False)]
)
def test_a_runbook_that_nobody_reviewed_for_a_quarter_is_told(
    tmp_path: Path, reviewed: str, overdue: bool
) -> None:
    """S133."""
    found = of(tmp_path, runs.good((0.01, "run.start", {"runbook": "2.0", "runbook_reviewed": reviewed})))
    assert found.versions["runbook"] == "2.0"
    assert ("The runbook was last reviewed on" in "\n".join(found.deviations)) is overdue
    assert any("Change the procedures" in item.title for item in found.actions) is overdue


def test_failed_calls_keep_their_ray(tmp_path: Path) -> None:
    call = {"method": "POST", "path": "workers/x", "status": 500, "ray": "8f1-FRA", "seconds": 0.2}
    found = of(
        tmp_path, runs.good((2.05, "api", call), (2.06, "api", {**call, "status": "no answer", "ray": None}))
    )
    assert found.calls.total == 3
    assert [each.get("ray") for each in found.calls.failed] == ["8f1-FRA", None]
    assert found.external == "DEGRADED"


def test_the_checklist_knows_what_was_done(tmp_path: Path) -> None:
    sent = {
        "channel": "slack",
        "audience": "stakeholders",
        "state": "sent",
        "receipt": "1712.1",
        "seconds": 0.1,
    }
    rate = {"component": "site", "check": "error rate", "verdict": "pass", "n": 455, "bad": 0}
    full = runs.stage(2.35, 242.1, "rates", [(242.0, "rates", rate)])
    bare = of(tmp_path / "bare", runs.good())
    whole = runs.good((2.05, "notification", sent))
    found = of(tmp_path / "told", [*whole[:-1], *full, *whole[-1:]])
    assert [step.done for step in bare.next_steps] == [False, False, False]
    assert [step.done for step in found.next_steps] == [True, False, True]
    assert (found.budgets[3].verdict, found.budgets[3].actual) == ("kept", 240.0)
    immediate = dict(found.checklist)["Immediate (0-5 minutes)"]
    assert [step.done for step in immediate] == [True, True, False, False, True]


def test_an_automatic_run_that_was_declined_says_why(tmp_path: Path) -> None:
    decide = runs.stage(
        0.2,
        0.4,
        "decide",
        [
            (0.3, "probe", {"component": "payments", "verdict": "fail", "problems": ["status 503"]}),
            (0.35, "declined", {"why": "payments is not well"}),
        ],
        trigger="deploy",
        incident="PIPE-9",
    )
    end = runs.ended(15, "nothing was changed: payments is not well")
    found = of(tmp_path, [(0.0, "run.start", {"playbook": "rollback"}), *decide, *end])
    assert (found.id, found.trigger, found.external) == ("PIPE-9", "deploy", "DOWN")
    assert "not begun: payments is not well" in found.trigger_evidence


def test_what_served_again_after_a_restore_is_not_called_moved(tmp_path: Path) -> None:
    back = {"state": "moved", "seconds": 0.1}
    events = [
        *runs.begun(),
        *runs.goal(on_partial="restore"),
        *runs.switched(site="status 500"),
        (2.05, "switch.end", {"component": "auth-worker", "where": "auth-worker-bad", **back}),
        (2.06, "switch.end", {"component": "content-worker", "where": "content-worker-bad", **back}),
        *runs.ended(14, "site did not arrive, so the old set serves again, whole"),
    ]
    found = of(tmp_path, events)
    assert [each.state for each in found.components] == ["put back", "put back", "not moved"]
    assert (found.ended, found.rollback_status) == ("OLD SET RESTORED", "FAILED")


def test_an_undo_of_data_is_no_proof_of_the_service(tmp_path: Path) -> None:
    undo = runs.stage(0.5, 0.9, "databases.undo", [(0.7, "database.undo", {"database": "app-db", "to": "x"})])
    end = runs.ended(0, "app-db is as it was before run 1; the code was not touched")
    found = of(tmp_path, [(0.0, "run.start", {"playbook": "rollback"}), *undo, *end])
    assert (found.ended, found.status, found.rollback_status) == ("UNDONE", "MITIGATING", "COMPLETED")
    assert found.over.startswith("Not shown")
    assert "set aside serves again" in found.loss


def test_an_empty_journal_is_no_incident() -> None:
    with pytest.raises(ValueError, match="no record"):
        incident_of([])


def test_a_run_that_rolls_nothing_back_is_no_incident(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"validate\.yml, which rolls nothing back"):
        of(tmp_path, [(0.0, "run.start", {"playbook": "validate"})])


def test_a_record_without_what_is_expected_of_it_is_no_reason_to_have_no_report(tmp_path: Path) -> None:
    data = [runs.database("rewind", runs.loss(4)), *runs.database_moved("rewind", runs.loss(4))]
    events = runs.told(tmp_path, runs.good(*data, (2.05, "api.wait", {"seconds": 1.0})))
    for number, event in enumerate(events):
        for name in set(event) - {"event"}:
            less = {key: value for key, value in event.items() if key != name}
            assert incident_of([*events[:number], less, *events[number + 1 :]]).id
