"""A ledger in a folder: many writers, killed writers, full and read-only disks."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.errors import Damaged, LedgerError
from plugins.module_utils.ledger.ledger import Ledger

FORK = multiprocessing.get_context("fork")


def ledger_in(path: Path, by: str = "ann") -> Ledger:
    return Ledger(Directory(str(path)), by=by)


def goals(ledger: Ledger) -> list[str]:
    return [entry.body["run"] for entry in ledger.entries()]


def goal(name: str) -> tuple[str, dict[str, Any]]:
    return ("goal", {"run": name})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path / "not" / "there" / "yet")
    assert ledger.entries() == []
    assert ledger.slot("lock") is None
    written = ledger.append(goal("one"), goal("two"))
    assert ledger.entries() == written
    assert [(entry.kind, entry.by, entry.seq) for entry in written] == [
        ("goal", "ann", 1),
        ("goal", "ann", 2),
    ]
    assert written[1].parents == (written[0].hash,)


def test_nothing_is_written_when_the_newest_view_says_so(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    ledger.append(goal("one"))
    assert ledger.append(goal("two"), unless=lambda view: "one" in view.goals) == []
    assert goals(ledger) == ["one"]
    assert len(ledger.append(goal("two"), unless=lambda view: "other" in view.goals)) == 1


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    with pytest.raises(Damaged, match=r"entry 1 of the ledger \(release"):
        ledger.append(("release", {"release": "r1"}))
    with pytest.raises(ValueError, match="kind 'relaese'"):
        ledger.append(("relaese", {"release": "r1"}))
    assert ledger.entries() == []


def test_a_slot_is_set_by_whoever_knows_its_value(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    assert ledger.swap("lock", None, {"n": 1, "list": (1,)})
    assert not ledger.swap("lock", None, {"n": 2})
    assert not ledger.swap("lock", {"n": 9}, {"n": 2})
    assert ledger.slot("lock") == {"n": 1, "list": [1]}
    assert ledger.swap("lock", {"n": 1, "list": [1]}, None)
    assert ledger.slot("lock") is None


def test_an_append_that_was_cut_at_any_byte_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    ledger, file = ledger_in(tmp_path), tmp_path / "ledger.jsonl"
    ledger.append(goal("before"))
    begin = file.stat().st_size
    ledger.append(goal("one"), goal("two"), ("frozen", {"reason": "because"}))
    data = file.read_bytes()
    for cut in range(begin, len(data) + 1):
        file.write_bytes(data[:cut])
        whole = ["before", "one", "two"] if cut == len(data) else ["before"]
        assert list(ledger.view().goals) == whole
        assert (ledger.view().frozen is not None) == (cut == len(data))
        ledger.append(goal("after"))
        assert list(ledger.view().goals) == [*whole, "after"]
        assert file.read_bytes().startswith(data[:begin])
        ledger.verify()


def test_a_killed_writer_leaves_whole_appends(tmp_path: Path) -> None:
    """Real processes, killed at moments that nobody chose."""
    for _ in range(15):
        process = FORK.Process(target=_write_on_and_on, args=(tmp_path,))
        process.start()
        assert process.pid
        size = _size(tmp_path)
        while _size(tmp_path) < size + 2000 and process.is_alive():
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        ledger = ledger_in(tmp_path)
        named = goals(ledger)
        assert len(named) % 3 == 0 and named == [f"{number}" for number in range(len(named))]
        ledger.append(*(goal(f"{len(named) + number}") for number in range(3)))
        assert len(goals(ledger)) == len(named) + 3


def _size(folder: Path) -> int:
    file = folder / "ledger.jsonl"
    return file.stat().st_size if file.exists() else 0


def _write_on_and_on(folder: Path) -> None:
    ledger = ledger_in(folder)
    while True:
        count = len(ledger.entries())
        ledger.append(*(goal(f"{count + number}") for number in range(3)))


def test_eight_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    start = FORK.Barrier(8)
    processes = [FORK.Process(target=_append_fifty, args=(tmp_path, f"w{n}", start)) for n in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 8
    ledger = ledger_in(tmp_path)
    named = goals(ledger)
    assert sorted(named) == sorted(f"w{n}-{number}" for n in range(8) for number in range(50))
    for n in range(8):
        assert [name for name in named if name.startswith(f"w{n}-")] == [
            f"w{n}-{number}" for number in range(50)
        ]
    ledger.verify()


def _append_fifty(folder: Path, name: str, start: Any) -> None:
    ledger = ledger_in(folder, by=name)
    start.wait(60)
    for number in range(50):
        ledger.append(goal(f"{name}-{number}"))


def test_of_many_that_swap_a_slot_each_value_has_one_writer(tmp_path: Path) -> None:
    """A counter that eight processes raise by compare and set counts every raise."""
    ledger_in(tmp_path).swap("count", None, {"n": 0})
    processes = [FORK.Process(target=_raise_twenty, args=(tmp_path,)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert ledger_in(tmp_path).slot("count") == {"n": 160}


def _raise_twenty(folder: Path) -> None:
    ledger = ledger_in(folder)
    for _ in range(20):
        while True:
            now = ledger.slot("count")
            assert now is not None
            if ledger.swap("count", now, {"n": now["n"] + 1}):
                break


def test_a_write_that_the_disk_refuses_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    """The limit for the size of a file stands for a full disk: the kernel takes a part of the write."""
    ledger = ledger_in(tmp_path)
    ledger.append(goal("before"))
    before = (tmp_path / "ledger.jsonl").read_bytes()
    told = FORK.Queue()
    process = FORK.Process(target=_append_with_little_space, args=(tmp_path, len(before) + 100, told))
    process.start()
    assert "cannot be written: File too large" in told.get(timeout=30)
    process.join(30)
    assert (tmp_path / "ledger.jsonl").read_bytes() == before
    ledger.append(goal("after"))
    assert goals(ledger) == ["before", "after"]


def _append_with_little_space(folder: Path, size: int, told: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        ledger_in(folder).append(goal("one"), goal("two"))
        told.put("written")
    except LedgerError as error:
        told.put(str(error))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("only root can mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_said_and_harms_nothing(small_disk: Path) -> None:
    ledger = ledger_in(small_disk)
    ledger.append(goal("before"))
    with pytest.raises(LedgerError, match="cannot be written: No space left on device"):
        ledger.append(("goal", {"run": "big", "text": "x" * 100_000}))
    assert goals(ledger) == ["before"]
    ledger.append(goal("after"))
    assert goals(ledger) == ["before", "after"]


def test_a_read_only_disk_is_read_and_refuses_writes_in_words(small_disk: Path) -> None:
    ledger = ledger_in(small_disk)
    ledger.append(goal("before"))
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert goals(ledger) == ["before"]
    with pytest.raises(LedgerError, match="cannot be written: Read-only file system"):
        ledger.append(goal("after"))
    with pytest.raises(LedgerError, match="cannot be written: Read-only file system"):
        ledger.swap("lock", None, {"n": 1})


def test_a_file_in_the_way_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"cannot be (read|written): Not a directory"):
        ledger_in(tmp_path / "file").entries()
    with pytest.raises(LedgerError, match=r"cannot be written: "):
        ledger_in(tmp_path / "file").append(goal("one"))


def test_a_noted_head_shows_what_the_chain_alone_cannot(tmp_path: Path) -> None:
    ledger, file = ledger_in(tmp_path), tmp_path / "ledger.jsonl"
    ledger.append(goal("one"))
    ledger.append(goal("two"))
    noted = ledger.verify()
    ledger.append(goal("three"))
    assert ledger.verify(noted) != noted
    whole = file.read_bytes()
    file.write_bytes(whole[: whole.index(b"\n") + 1])
    ledger.verify()
    with pytest.raises(Damaged, match=f"no entry with the noted hash {noted}"):
        ledger.verify(noted)
    file.write_bytes(whole.replace(b"three", b"thref"))
    ledger.verify()
    file.write_bytes(whole.replace(b'"two"', b'"tvo"'))
    with pytest.raises(Damaged, match=r"ledger\.jsonl, line 2"):
        ledger.entries()


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({}, r"ledger\.backend must be one of directory, kv, git"),
        ({"backend": "redis"}, r"ledger\.backend must be one of directory, kv, git.*'redis'"),
        ({"backend": "directory"}, r"set ledger\.path in the inventory"),
        ({"backend": "kv", "prefix": "staging"}, r"set ledger\.namespace"),
        ({"backend": "git", "repository": "x", "folder": "../up"}, r"ledger\.folder must be a plain name"),
    ],
)
def test_what_is_declared_wrong_is_named(declared: dict[str, Any], why: str) -> None:
    with pytest.raises(LedgerError, match=why):
        open_backend(declared, client=pytest.fail)
