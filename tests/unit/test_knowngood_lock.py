"""A ledger that is away, or damaged, is a sentence to who deploys, and stops no deploy half-way."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from knowngood.__main__ import main


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """An environment whose ledger is a folder; nothing else of it is asked for."""
    folder = tmp_path / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {hosts: {auth-worker: }}\n")
    (folder / "group_vars/all.yml").write_text(
        f"environment_name: test\noperator: someone\nledger: {{backend: directory, path: {tmp_path}/ledgers}}\n"
    )
    (tmp_path / "ledgers/test").mkdir(parents=True)
    return folder


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("verb", [["frozen"], ["lock"]])
def test_a_damaged_ledger_is_refused_in_words(
    inventory: Path, tmp_path: Path, verb: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ledgers/test/ledger.jsonl").write_text("this is no entry\n")
    ran = tmp_path / "ran"
    command = ["--", "touch", str(ran)] if verb == ["lock"] else []
    assert main([*verb, "-i", str(inventory), *command]) == 10
    said = capfd.readouterr().err
    assert said.startswith("REFUSED: ") and "Traceback" not in said and "ledger.jsonl" in said
    assert not ran.exists()


def test_a_deploy_outlives_a_ledger_that_is_away_for_a_while(
    inventory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ansible.module_utils.ledger.lock.LEASE", timedelta(seconds=0.6))
    slot, first, second = (tmp_path / name for name in ("ledgers/test/lock.json", "first", "second"))
    deploy = (
        f"cp {slot} {first}; echo half a slo > {slot}; sleep 0.5;"
        f"cp {first} {slot}; sleep 0.5; cp {slot} {second}; exit 3"
    )
    assert main(["lock", "-i", str(inventory), "--", "sh", "-c", deploy]) == 3
    assert "the lock was not renewed: " in capfd.readouterr().err
    before, after, end = (json.loads(path.read_text()) for path in (first, second, slot))
    assert before["run"] == after["run"] and before["until"] < after["until"]
    assert "run" not in end, "the lock was not given back"


def test_the_exit_code_of_the_deploy_stays_when_the_lock_cannot_be_given_back(
    inventory: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    deploy = f"echo half a slo > {tmp_path}/ledgers/test/lock.json; exit 4"
    assert main(["lock", "-i", str(inventory), "--", "sh", "-c", deploy]) == 4
    assert "the lock was not given back" in capfd.readouterr().err
