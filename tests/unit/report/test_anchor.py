"""A journal that was written anew shows by the hash that the ledger keeps elsewhere (S122)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import runs

from knowngood.__main__ import main
from plugins.module_utils.journal import Journal
from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.redact import Redactor
from plugins.module_utils.report.seal import close, load_or_make_key


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    folder = tmp_path / "inventory"
    (folder / "group_vars").mkdir(parents=True)
    (folder / "hosts.yml").write_text("all: {hosts: {auth-worker: }}\n")
    (folder / "group_vars/all.yml").write_text(
        f"environment_name: test\noperator: someone\nledger: {{backend: directory, path: {tmp_path}/ledgers}}\n"
    )
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Of a run that is over; its head at the end is in the ledger, and more came after it."""
    path = runs.write(tmp_path / "runs", runs.good())
    writer = Journal(tmp_path / "runs", path.parent.name, Redactor())
    records, head = writer.head
    noted = {"run": writer.run, "by_run": writer.run, "journal": {"records": records, "head": head}}
    (tmp_path / "ledgers/test").mkdir(parents=True)
    Ledger(Directory(str(tmp_path / "ledgers/test")), by="someone").append(
        ("goal", {"run": writer.run, "moves": []}), ("end", noted)
    )
    writer.write("frozen", paused=[])
    close(writer, load_or_make_key(tmp_path / "key"))
    return path


def test_a_journal_is_held_against_the_ledger(
    journal: Path, inventory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(journal), "-i", str(inventory)]) == 0
    said = capsys.readouterr().out
    records = len(runs.good())
    assert f"INTACT: all up to record {records}" in said
    assert "the 2 after it are signed" in said


def test_a_journal_that_was_written_anew_and_signed_again_is_found(
    journal: Path, inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    journal.unlink()
    writer = Journal(tmp_path / "runs", journal.parent.name, Redactor())
    for event in events[:-1]:
        told = {k: v for k, v in event.items() if k not in ("seq", "run", "time", "elapsed", "event", "prev")}
        told.pop("monotonic", None)
        writer.write(event["event"], **told | ({"message": "all was well"} if "message" in told else {}))
    close(writer, load_or_make_key(tmp_path / "key"))
    assert main(["verify", str(journal)]) == 0, "by itself it looks whole"
    assert main(["verify", str(journal), "-i", str(inventory)]) == 13
    assert "the journal was cut or rewritten" in capsys.readouterr().out


def test_a_run_that_the_ledger_does_not_know_is_not_called_proved(
    inventory: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = runs.write(tmp_path / "runs", runs.good())
    close(Journal(tmp_path / "runs", path.parent.name, Redactor()), load_or_make_key(tmp_path / "key"))
    assert main(["verify", str(path), "-i", str(inventory)]) == 13
    assert "NOT ANCHORED" in capsys.readouterr().out
    assert main(["verify", str(path), "-i", str(inventory), "--head", "0" * 64]) == 10
