"""A run ends early only where nothing is half done."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from plugins.module_utils.cancel import Cancelled, ask, heeding
from plugins.module_utils.journal import Journal
from plugins.module_utils.outcome import CANCELLED, CHANGES
from plugins.module_utils.redact import Redactor
from plugins.module_utils.stage.task import Task, perform


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, "run", Redactor())


@pytest.mark.parametrize("stage", ["plan", "rehearse", "database_move", "switch"])
def test_no_stage_begins_after_it(journal: Journal, stage: str) -> None:
    ask(journal.path.parent, "a change of mind")
    with pytest.raises(Cancelled, match="a change of mind"), heeding(journal, stage):
        pytest.fail("it began")


@pytest.mark.parametrize("stage", ["end", "notify", "record", "report"])
def test_what_ends_a_run_is_always_done(journal: Journal, stage: str) -> None:
    ask(journal.path.parent)
    done = False
    with heeding(journal, stage):
        done = True
    assert done


@pytest.mark.parametrize("event", CHANGES)
def test_a_run_that_has_changed_something_goes_on(journal: Journal, event: str) -> None:
    journal.write(event, component="site")
    ask(journal.path.parent)
    done = False
    with heeding(journal, "validate"):
        time.sleep(0.3)
        done = True
    assert done


def test_what_only_reads_is_left_in_the_middle(journal: Journal) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    began = time.monotonic()
    with pytest.raises(Cancelled, match="asked for"), heeding(journal, "validate"):
        ask(journal.path.parent)
        time.sleep(30)
    assert time.monotonic() - began < 5
    assert signal.getsignal(signal.SIGUSR1) == before


def test_what_changes_something_is_not(journal: Journal) -> None:
    done = False
    with heeding(journal, "switch"):
        ask(journal.path.parent)
        time.sleep(0.5)
        done = True
    assert done


def validate(task: Task) -> dict[str, object]:
    raise AssertionError("it began")


def test_the_outcome_says_so_and_why(tmp_path: Path) -> None:
    ask(tmp_path / "run", "its time-out of 3 s is over")
    task = Task({"runs_dir": tmp_path, "run": "run", "cloudflare": {}}, check_mode=False, diff=False)
    found = perform(validate, task)
    assert found["failed"]
    assert found["outcome"]["exit_code"] == CANCELLED
    assert found["outcome"]["message"] == "nothing was changed: its time-out of 3 s is over"
