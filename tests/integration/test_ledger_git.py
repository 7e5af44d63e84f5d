"""A ledger on a branch of a real git repository."""

from __future__ import annotations

import base64
import multiprocessing
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.errors import LedgerError
from plugins.module_utils.ledger.git import Git
from plugins.module_utils.ledger.ledger import Ledger

FORK = multiprocessing.get_context("fork")
BRANCH = "knowngood-ledger"


def git(repository: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={repository}", *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bare repository, and a cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "shared.git"
    subprocess.run(["git", "init", "--bare", "--quiet", path], check=True)
    return path


def ledger_in(repository: Path | str, folder: str = "staging", by: str = "ann") -> Ledger:
    declared = {"backend": "git", "repository": str(repository), "folder": folder}
    return Ledger(open_backend(declared, client=pytest.fail), by=by)


def goal(name: str) -> tuple[str, dict[str, Any]]:
    return ("goal", {"run": name})


def test_what_was_written_is_read(repository: Path) -> None:
    ledger = ledger_in(repository)
    assert ledger.entries() == [] and ledger.slot("lock") is None
    written = ledger.append(goal("one"), goal("two"))
    written += ledger.append(goal("three"))
    assert ledger_in(repository).entries() == written
    assert ledger.append(goal("four"), unless=lambda view: "three" in view.goals) == []
    assert git(repository, "ls-tree", "-r", "--name-only", BRANCH).split() == ["staging/ledger.jsonl"]
    assert git(repository, "rev-list", "--count", BRANCH).strip() == "2"


def test_environments_and_what_else_is_on_the_branch_stay_apart(repository: Path) -> None:
    staging, production = ledger_in(repository), ledger_in(repository, "production")
    staging.append(goal("s"))
    production.append(goal("p"))
    staging.swap("lock", None, {"n": 1})
    assert [list(each.view().goals) for each in (staging, production)] == [["s"], ["p"]]
    assert production.slot("lock") is None
    assert git(repository, "ls-tree", "-r", "--name-only", BRANCH).split() == [
        "production/ledger.jsonl",
        "staging/ledger.jsonl",
        "staging/lock.json",
    ]


def test_a_slot_is_set_by_whoever_knows_its_value(repository: Path) -> None:
    ledger = ledger_in(repository)
    assert ledger.swap("lock", None, {"n": 1})
    assert not ledger.swap("lock", None, {"n": 2})
    assert ledger.slot("lock") == {"n": 1}
    assert ledger.swap("lock", {"n": 1}, {"n": 2})
    assert ledger.swap("lock", {"n": 2}, None)
    assert ledger.slot("lock") is None


def test_machines_that_write_at_once_lose_nothing(repository: Path, tmp_path: Path) -> None:
    """Each has a cache of its own, so that only the push decides who is first."""
    processes = [
        FORK.Process(target=_append_five, args=(repository, tmp_path / f"m{n}", f"m{n}")) for n in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 4
    ledger = ledger_in(repository)
    assert sorted(ledger.view().goals) == sorted(f"m{n}-{number}" for n in range(4) for number in range(5))
    ledger.verify()


def _append_five(repository: Path, cache: Path, name: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CACHE_HOME", str(cache))
        ledger = ledger_in(repository, by=name)
        for number in range(5):
            ledger.append(goal(f"{name}-{number}"))


def test_a_push_whose_answer_was_lost_is_not_repeated(repository: Path, tmp_path: Path) -> None:
    """The branch moves, and then the connection of the pusher ends."""
    ledger = ledger_in(repository)
    ledger.append(goal("one"))
    hook = repository / "hooks" / "post-receive"
    hook.write_text(f"#!/bin/sh\nrm {hook}\nkill -9 $PPID\n")
    hook.chmod(0o755)
    assert [entry.body["run"] for entry in ledger.append(goal("two"))] == ["two"]
    assert list(ledger.view().goals) == ["one", "two"]
    assert len(ledger.entries()) == 2


def test_a_refusal_of_the_remote_is_told_and_not_tried_again(repository: Path) -> None:
    hook = repository / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'this branch is closed'\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(LedgerError, match=r"cannot be written: .*this branch is closed"):
        ledger_in(repository).append(goal("one"))


def test_what_cannot_be_reached_is_told(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(
        LedgerError, match=r"other\.git cannot be read: .*does not appear to be a git repository"
    ):
        ledger_in(tmp_path / "other.git").entries()
    with pytest.raises(LedgerError, match=r"cannot be read: "):
        ledger_in("ssh://git@127.0.0.1:1/ledger.git").entries()


def test_a_lost_cache_is_no_loss(repository: Path, tmp_path: Path) -> None:
    ledger = ledger_in(repository)
    written = ledger.append(goal("one"))
    subprocess.run(["rm", "-r", tmp_path / "cache"], check=True)
    assert ledger.entries() == written


@pytest.fixture
def closed_door() -> Iterator[tuple[str, list[str]]]:
    """A server that lets nobody in, and the credentials that it was shown."""
    shown: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            shown.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="ledger"')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}", shown
        server.shutdown()
        thread.join()


def test_credentials_are_sent_and_never_shown(repository: Path, closed_door: tuple[str, list[str]]) -> None:
    host, shown = closed_door
    with pytest.raises(LedgerError) as told:
        ledger_in(f"http://bot:hunter%32two@{host}/ledger.git").entries()
    assert f"http://{host}/ledger.git cannot be read" in str(told.value)
    assert not any(secret in str(told.value) for secret in ("hunter", "bot:", "Ym90"))
    assert shown and base64.b64encode(b"bot:hunter2two").decode() in shown[0]


def test_credentials_are_in_no_list_of_processes(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    start = subprocess.Popen

    def watched(command: list[str], *arguments: Any, **options: Any) -> Any:
        seen.append(command)
        return start(command, *arguments, **options)

    monkeypatch.setattr(subprocess, "Popen", watched)
    with pytest.raises(LedgerError):
        Git("http://bot:hunter2two@127.0.0.1:1/ledger.git", BRANCH, "staging").read()
    assert any("fetch" in command for command in seen)
    assert "hunter" not in str(seen)
