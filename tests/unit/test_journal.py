"""The journal: append-only, readable after a kill, never a reason to stop, without secrets (S121, S122)."""

import resource
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.module_utils.journal import Journal, new_run_id, read
from plugins.module_utils.redact import HIDDEN, Redactor
from plugins.module_utils.report.seal import verify


def test_events_have_ids_times_and_one_time_line(tmp_path: Path) -> None:
    Journal(tmp_path, "run", Redactor()).write("run.start")
    journal = Journal(tmp_path, "run", Redactor())
    with journal.stage("plan"):
        journal.write("api", status=200, ray=None)
    events = list(read(journal.path))
    assert [event["event"] for event in events] == ["run.start", "stage.start", "api", "stage.end"]
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert all(event["time"].endswith("Z") for event in events)
    assert [event["elapsed"] for event in events] == sorted(event["elapsed"] for event in events)
    assert "ray" not in events[2]


def test_a_stage_that_raised_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    with pytest.raises(ValueError), journal.stage("switch"):
        raise ValueError
    assert list(read(journal.path))[-1]["ok"] is False


def test_a_torn_line_is_dropped_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    journal.write("one")
    with journal.path.open("ab") as file:
        file.write(b'{"seq": 2, "event": "to')
    assert [event["event"] for event in read(journal.path)] == ["one"]
    Journal(tmp_path, "run", Redactor()).write("two")
    assert [event["event"] for event in read(journal.path)] == ["one", "two"]


def test_a_journal_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(tmp_path / "file", "run", Redactor())
    journal.write("anything")
    assert "cannot be written" in (journal.trouble or "")


def test_run_ids_are_unique() -> None:
    assert len({new_run_id() for _ in range(100)}) == 100


@given(st.text(min_size=6, max_size=40).filter(str.strip), st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_never_gets_through(secret: str, before: str, after: str) -> None:
    redact = Redactor([secret])
    shown = redact({"url": before + secret + after, "list": [secret], secret: 1})
    if secret not in HIDDEN:
        assert secret not in shown["url"]
        assert secret not in shown["list"][0]
        assert secret not in shown


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456",
        "postgres://app:hunter22@db/x",
        "api_token=abcdef123456",
        "password: hunter22",
    ],
)
def test_what_looks_like_a_credential_is_hidden(text: str) -> None:
    shown = Redactor().text(text)
    assert "hunter22" not in shown
    assert "abcdef123456" not in shown


def test_processes_of_one_run_write_one_chain(tmp_path: Path) -> None:
    one, other = Journal(tmp_path, "run", Redactor()), Journal(tmp_path, "run", Redactor())
    for journal in (one, other, other, one, other):
        journal.write("note")
    assert [event["seq"] for event in read(one.path)] == [1, 2, 3, 4, 5]
    assert verify(one.path).ok


def test_threads_of_many_processes_write_one_chain(tmp_path: Path) -> None:
    def work() -> None:
        journal = Journal(tmp_path, "run", Redactor())
        for number in range(20):
            journal.write("note", number=number, text="ä" * number)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = verify(tmp_path / "run" / "journal.jsonl")
    assert (found.problem, found.records) == (None, 160)


def test_a_value_that_is_no_text_does_not_stop_a_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    journal.write("said", body="half a pair: \ud83d", at=Path("x"), key={("a", "b"): 1})
    journal.write("after")
    assert [event["event"] for event in read(journal.path)] == ["said", "after"]
    assert verify(journal.path).ok


def test_a_full_disk_loses_events_and_says_how_many(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    journal.write("one")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.path.stat().st_size + 20, before[1]))
    try:
        journal.write("two")
        journal.write("three")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "cannot be written" in (journal.trouble or "")
    journal.write("four")
    assert [(event["seq"], event["event"], event.get("lost")) for event in read(journal.path)] == [
        (1, "one", None),
        (2, "four", 2),
    ]
    assert verify(journal.path).ok
