"""Who waits for the lock of an environment, and who is told at once that there is no use in waiting."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.ledger.lock import SLOT, Holder, release, renew, take
from plugins.module_utils.ledger.process import birth
from plugins.module_utils.outcome import REFUSED
from plugins.module_utils.stage import lock
from plugins.module_utils.stage.task import Task

LEASE = timedelta(seconds=1.5)


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setattr(lock, "_LOOK", 0.05)
    backend = {"backend": "directory", "path": str(tmp_path / "ledger")}
    return Ledger(open_backend(backend, client=pytest.fail), by="ann")


def held(ledger: Ledger, purpose: str = "deploy", pid: int = 4711, started: str = "") -> None:
    """The lock of a runner that nobody here can look at, unless ``started`` says when its process began."""
    until = datetime.now(UTC) + LEASE
    holder = Holder(purpose, "ci", "d1", "runner-3", pid, started, 1, until)
    assert ledger.swap(SLOT, ledger.slot(SLOT), {**asdict(holder), "until": until.isoformat()})


def work(tmp_path: Path, *, automatic: bool = True, wait: float = 20) -> tuple[dict[str, Any], float, Task]:
    params = {
        "run": "r1",
        "runs_dir": str(tmp_path / "runs"),
        "environment_name": "production",
        "cloudflare": {"account_id": "0" * 32},
        "ledger": {"backend": "directory", "path": str(tmp_path / "ledger")},
        "incident": {"automatic": automatic},
        "wait": wait,
    }
    checked = ArgumentSpecValidator(lock.SPEC).validate(params)
    assert not checked.error_messages
    task = Task(checked.validated_parameters, check_mode=False, diff=False)
    began = time.monotonic()
    return lock.work(task), time.monotonic() - began, task


def events(task: Task) -> list[str]:
    return [line.split('"event":')[1].split('"')[1] for line in task.journal.path.read_text().splitlines()]


def test_a_pipeline_waits_for_the_lock_of_a_lost_runner(ledger: Ledger, tmp_path: Path) -> None:
    held(ledger)
    result, seconds, task = work(tmp_path)
    # It took the lock over, and joined nothing: a deploy's end is no rollback's.
    assert result == {"joined": None, "lock": 2}
    assert 1 < seconds < 5
    assert events(task) == ["incident.opened", "lock.wait", "lock.taken"]


def test_a_pipeline_is_refused_once_the_deploy_is_seen_to_go_on(ledger: Ledger, tmp_path: Path) -> None:
    held(ledger)
    threading.Timer(0.5, lambda: renew(ledger, "d1", timedelta(minutes=3))).start()
    result, seconds, _ = work(tmp_path)
    assert result["outcome"]["exit_code"] == REFUSED
    assert "a deploy of ci (d1) holds the lock" in result["outcome"]["message"]
    assert 0.4 < seconds < 1.4


def test_a_deploy_that_lives_on_this_machine_is_not_waited_for(ledger: Ledger, tmp_path: Path) -> None:
    held(ledger, pid=os.getpid(), started=birth(os.getpid()))
    result, seconds, task = work(tmp_path)
    assert result["outcome"]["exit_code"] == REFUSED
    assert seconds < 0.5
    assert events(task) == ["incident.opened"]


def test_a_person_is_told_at_once(ledger: Ledger, tmp_path: Path) -> None:
    held(ledger)
    result, seconds, _ = work(tmp_path, automatic=False)
    assert result["outcome"]["exit_code"] == REFUSED
    assert "break_lock" in result["outcome"]["next"]
    assert seconds < 0.5


def test_the_wait_for_a_lost_runner_is_bounded(ledger: Ledger, tmp_path: Path) -> None:
    held(ledger)
    result, seconds, _ = work(tmp_path, wait=0.3)
    assert result["outcome"]["exit_code"] == REFUSED
    assert seconds < 1


def test_a_rollback_is_waited_for_and_joined(ledger: Ledger, tmp_path: Path) -> None:
    take(ledger, "rollback", "r0", timedelta(minutes=3), pid=os.getpid())
    threading.Timer(0.4, lambda: release(ledger, "r0")).start()
    result, _, _ = work(tmp_path, automatic=False)
    assert result["joined"] == "r0"
