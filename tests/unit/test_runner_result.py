"""The result of a run says what its journal says, and never claims an end that the run did not have."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from knowngood.result import Result, event_of, result_of
from plugins.module_utils.journal import FILE, Journal, read
from plugins.module_utils.outcome import CANCELLED, CHANGES, DONE, FAILED, INVALID, outcome
from plugins.module_utils.redact import Redactor
from plugins.module_utils.running import Running, hold, running, under_way

RUN = "20261124T213000Z-4f1c9a"


def journal(folder: Path, *events: tuple[str, dict[str, Any]]) -> Path:
    written = Journal(folder, RUN, Redactor())
    written.write("run.start", playbook="rollback")
    for event, fields in events:
        written.write(event, **fields)
    return written.path


def ended(code: int) -> tuple[str, dict[str, Any]]:
    return "outcome", outcome(code, "what happened", next_="what to do", details=["a line"])


def result(path: Path, code: int | None, lines: list[str] | None = None) -> Result:
    return result_of(path, playbook="rollback", environment="local", code=code, lines=lines or [])


@pytest.mark.parametrize("code", [DONE, INVALID, CANCELLED])
def test_an_end_is_told_as_the_journal_has_it(tmp_path: Path, code: int) -> None:
    found = result(journal(tmp_path, ("plan", {"hash": "5f14d0e0ab3b"}), ended(code)), code)
    assert (found.exit_code, found.message, found.next) == (code, "what happened", "what to do")
    assert (found.details, found.ok, found.changed) == (("a line",), code == DONE, False)
    assert found.plan == {"hash": "5f14d0e0ab3b"}
    assert json.loads(json.dumps(found.as_dict()))["journal"] == str(tmp_path / RUN / FILE)


@pytest.mark.parametrize("event", [name for name in CHANGES if name != "drill.fault"])
def test_what_was_killed_after_a_change_may_have_moved(tmp_path: Path, event: str) -> None:
    found = result(journal(tmp_path, (event, {"component": "site"})), None)
    assert (found.verdict, found.exit_code, found.changed) == ("BROKE OFF", FAILED, True)
    assert "some components may have moved" in found.message
    assert found.next.startswith("ansible-playbook rollback.yml -i local")


@pytest.mark.parametrize(("code", "said"), [(None, "the run was killed: "), (99, "")])
def test_what_was_only_watched_any_more_is_proved(tmp_path: Path, code: int | None, said: str) -> None:
    lock, watch = ("lock.taken", {}), ("stage.start", {"stage": "watch"})
    moved = (lock, ("switch.start", {"component": "site"}), ended(DONE), watch)
    found = result(journal(tmp_path, *moved), code)
    assert found.message == f"{said}what happened; it was being watched"
    assert found.next == "ansible-playbook status.yml -i local"
    # Whatever the watch found is told as it said it.
    assert result(journal(tmp_path, ended(INVALID)), code).message == f"{said}what happened"


def test_what_a_killed_drill_broke_is_to_be_healed(tmp_path: Path) -> None:
    broken = [
        ("drill.fault", {"scenario": name}) for name in ("worker-throws", "worker-throws", "network-loss")
    ]
    found = result_of(journal(tmp_path, *broken), playbook="drill", environment="staging", code=None)
    assert (found.verdict, found.exit_code, found.changed) == ("BROKE OFF", FAILED, True)
    assert found.message == "the run was killed: what the drill broke may be there still, until it is healed"
    heal = "-e scenarios=worker-throws,network-loss -e heal=true"
    assert found.next == f"ansible-playbook drill.yml -i staging {heal}"


def test_the_scenarios_of_a_drill_are_checks(tmp_path: Path) -> None:
    told = [
        ("a", "pass", ""),
        ("b", "fail", "RTO 70 s"),
        ("c", "aborted", "the stop file"),
        ("d", "not applicable", ""),
    ]
    events = [
        ("drill.scenario", {"scenario": name, "verdict": verdict, "why": why, "rto": 5.7})
        for name, verdict, why in told
    ]
    found = result_of(journal(tmp_path, *events), playbook="drill", environment="staging", code=None).checks
    assert [(one.component, one.check, one.verdict, one.detail) for one in found] == [
        ("staging", "drill a", "pass", ""),
        ("staging", "drill b", "fail", "RTO 70 s"),
        ("staging", "drill c", "inconclusive", "the stop file"),
        ("staging", "drill d", "not applicable", ""),
    ]
    assert found[0].figures["rto"] == 5.7


def test_what_a_watch_rolls_back_may_have_moved(tmp_path: Path) -> None:
    watch, switch = ("stage.start", {"stage": "watch"}), ("switch.start", {"component": "site"})
    path = journal(tmp_path, ended(DONE), watch, ("lock.taken", {}), switch)
    assert "may have moved" in result(path, None).message


def test_what_was_killed_before_a_change_moved_nothing(tmp_path: Path) -> None:
    found = result(journal(tmp_path), None)
    assert (found.verdict, found.changed) == ("BROKE OFF", False)
    assert "no component has moved" in found.message


def test_an_outcome_counts_only_when_ansible_ended_with_it(tmp_path: Path) -> None:
    found = result(journal(tmp_path, ended(DONE)), 250, ["[ERROR]: Unexpected Exception"])
    assert (found.verdict, found.exit_code, found.ok) == ("ERROR", 250, False)
    assert found.details == ("[ERROR]: Unexpected Exception",)


def test_a_rollback_that_was_killed_after_its_verdict_is_not_done(tmp_path: Path) -> None:
    path = journal(tmp_path, ("lock.taken", {}), ("switch.start", {"component": "site"}), ended(DONE))
    assert (result(path, None).verdict, result(path, 0).verdict) == ("BROKE OFF", "DONE")
    Journal(tmp_path, RUN, Redactor()).close(lambda _: "signature")
    assert result(path, None).verdict == "DONE"


def test_a_run_that_never_began_is_an_error(tmp_path: Path) -> None:
    found = result(tmp_path / RUN / FILE, 4, ["[ERROR]: the playbook could not be found"])
    assert (found.verdict, found.exit_code, found.changed, found.checks) == ("ERROR", 4, False, ())


def test_the_plan_with_databases_has_the_hash_that_is_approved(tmp_path: Path) -> None:
    planned = ("plan", {"hash": "5f14d0e0ab3b", "release": "r2"})
    databases = ("databases.plan", {"hash": "aaaaaaaaaaaa", "databases": [{"name": "content-db"}]})
    found = result(journal(tmp_path, planned, databases, ended(DONE)), DONE)
    assert found.plan == {"hash": "aaaaaaaaaaaa", "release": "r2", "databases": [{"name": "content-db"}]}


def test_checks_and_files_are_named(tmp_path: Path) -> None:
    probe = {"component": "site", "verdict": "fail", "problems": ["status 500"], "attempts": 2}
    path = journal(tmp_path, ("stage.start", {"stage": "validate"}), ("probe", probe), ended(INVALID))
    (path.parent / "report").mkdir()
    for name in ("report/incident.html", "report/.incident.html.1a", "validation.json", "cancel"):
        (path.parent / name).write_text("")
    found = result(path, INVALID)
    assert [(check.component, check.check, check.verdict, check.detail) for check in found.checks] == [
        ("site", "health", "fail", "status 500")
    ]
    assert set(found.files) == {"incident.html", "validation.json"}


def test_an_event_has_its_time_and_nothing_of_the_chain(tmp_path: Path) -> None:
    first = event_of(next(read(journal(tmp_path))))
    assert (first.seq, first.event, first.time.tzinfo) == (1, "run.start", UTC)
    assert first.data == {"playbook": "rollback"}


def test_a_run_is_under_way_for_as_long_as_somebody_holds_it(tmp_path: Path) -> None:
    told = Running(RUN, "rollback", "local", 4711)
    folder = tmp_path / RUN
    folder.mkdir()
    release = hold(folder, told)
    assert running(folder) == told
    assert under_way(tmp_path) == [told]
    left = (folder / "running.json").read_text()
    release()
    assert running(folder) is None
    # A kill leaves the file, and nobody who holds it.
    (folder / "running.json").write_text(left)
    assert under_way(tmp_path) == []
