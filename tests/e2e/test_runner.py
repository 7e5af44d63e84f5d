"""From Python, through ansible-runner: our exit codes and verdicts, ended where it is safe, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import knowngood
from knowngood import Result, Run, StillRunning
from local_cloudflare.launch import start
from tests.support.environment import ROOT, Environment
from tests.support.seed import Seed

EDGE = "workers:pages"
"""What is rolled back here: databases have tests of their own."""
READING = {"path": "/versions$"}
BIN = Path(sys.executable).parent

# A program that begins a rollback, and tells of each event.
PROGRAM = f"""
from knowngood import Environment
for event in Environment("local").rollback(limit="{EDGE}"):
    print(event.event, flush=True)
"""


@pytest.fixture
def environment(shared: Environment) -> Iterator[Environment]:
    """r3 is live, and throws."""
    shared.serve("r3")
    yield shared
    shared.api.heal()
    eventually(lambda: not shared.processes(), shared.processes)


def of(environment: Environment) -> knowngood.Environment:
    return knowngood.Environment("local", runs=environment.runs, environ=environment.environ())


def eventually(holds: Callable[[], bool], told: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)


def held_while_reading(environment: Environment, **settings: Any) -> Run:
    """A rollback that waits for an answer, before anything is changed."""
    environment.api.fault({"kind": "timeout", "match": READING})
    mark = environment.api.mark()
    run = of(environment).rollback(limit=EDGE, **settings)
    eventually(lambda: run.done or environment.api.is_holding(mark))
    assert not run.done, run.result()
    return run


def private_folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("knowngood-*"))


def test_a_rollback_tells_of_itself_while_it_runs_and_leaves_its_record_alone(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    (tmp_path / "tmp").mkdir()
    environ = {
        **environment.environ(),
        "TMPDIR": str(tmp_path / "tmp"),
        "CLOUDFLARE_API_TOKEN": "planted-canary",
    }
    on_disk: set[str] = set()
    reason = "it throws {{ lookup('pipe', 'false') }}"
    with knowngood.Environment("local", runs=environment.runs, environ=environ).rollback(
        limit=EDGE, reason=reason, extra={"acknowledge": "another-canary"}
    ) as run:
        early = not run.done
        for event in run:
            early = early and (event.event != "plan" or not run.done)
            for path in (tmp_path / "tmp").rglob("*"):
                on_disk |= canaries(path)
    result = run.result()
    assert early, "the events came after the end"
    assert (result.verdict, result.exit_code, result.changed, result.ok) == ("DONE", 0, True, True), result
    assert environment.live() == environment.versions("r2")
    assert [check.verdict for check in result.checks if check.check == "health"] == ["pass"] * 6
    assert result.plan is not None and result.plan["release"] == "r2"
    assert [event.data["reason"] for event in run if event.event == "incident.opened"] == [reason]
    assert {"incident.html", "incident.json"} <= set(result.files)
    assert [event.seq for event in run] == list(range(1, len(list(run)) + 1))
    assert on_disk == set()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (result.journal.parent / "running.json").exists()


def canaries(path: Path) -> set[str]:
    try:
        text = path.read_text(errors="replace") if path.is_file() else ""
    except OSError:
        return set()
    return {f"{word} in {path.name}" for word in ("planted-canary", "another-canary") if word in text}


def test_cancelled_it_ends_where_nothing_is_half_done_although_no_answer_comes(
    environment: Environment,
) -> None:
    before = environment.live()
    run = held_while_reading(environment)
    with pytest.raises(StillRunning):
        run.result(timeout=0.1)
    run.cancel("a change of mind")
    result = run.result(timeout=20)
    assert (result.verdict, result.exit_code, result.changed) == ("CANCELLED", 17, False), result
    assert "a change of mind" in result.message
    assert [event.event for event in run][-1] == "run.closed"
    assert environment.live() == before
    # The lock was given back, so the next run need not wait for it; and its time is over before it begins.
    late = of(environment).rollback(limit=EDGE, timeout=0.01).result()
    assert (late.verdict, late.exit_code, late.changed) == ("CANCELLED", 17, False), late
    assert "its time-out of 0.01 s is over" in late.message


def test_killed_it_leaves_no_process(environment: Environment) -> None:
    run = held_while_reading(environment)
    run.kill()
    result = run.result(timeout=30)
    assert (result.verdict, result.exit_code, result.changed) == ("BROKE OFF", 12, False), result
    eventually(lambda: not environment.processes(), environment.processes)
    assert of(environment).running() == []


def test_it_outlives_whoever_began_it_and_can_be_joined(environment: Environment) -> None:
    environment.api.fault({"kind": "latency", "latency_ms": 100, "match": {"path": "/accounts/"}})
    caller = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment.environ(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout is not None
    with caller.stdout as told:
        assert any(line == "switch.start\n" for line in told)
        caller.kill()
    caller.wait()
    (run,) = of(environment).running()
    result: Result = run.result(timeout=60)
    assert (result.verdict, result.exit_code) == ("DONE", 0), result
    assert [event.event for event in run][-1] == "run.closed"
    assert environment.live() == environment.versions("r2")
    assert of(environment).running() == []
    assert of(environment).run(run.id).result() == result


def examples() -> list[str]:
    """The programs of docs/runner.md."""
    page = (ROOT / "docs" / "runner.md").read_text()
    return re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_page_run(
    environment: Environment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environment.environ().items():
        monkeypatch.setenv(name, value)
    names: dict[str, Any] = {}
    for example in examples():
        if "asyncio" not in example:
            here = example.replace('"production"', '"local"').replace(
                "rollback(r", f'rollback(limit="{EDGE}", r'
            )
            exec(here, names)
    told = capsys.readouterr().out
    assert "DONE 0 local serves r2" in told
    assert "auth-worker r2 (" in told
    assert environment.live() == environment.versions("r2")


def test_two_environments_at_once_do_not_know_of_each_other(
    environment: Environment, seed: Seed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.serve("r1")
    (example,) = [text for text in examples() if "asyncio" in text]
    with start(seed.copy(tmp_path / "state")) as instance:
        other = Environment(instance)
        there = {"staging": of(other), "production": of(environment)}
        exec(example, {"Environment": there.__getitem__})
        assert capsys.readouterr().out == "{'staging': 'r3', 'production': 'r1'}\n"
        eventually(lambda: not other.processes(), other.processes)
    (run,) = [of(other).run(path.parent.name) for path in other.runs.glob("*/journal.jsonl")]

    async def events() -> list[str]:
        return [event.event async for event in run]

    told = asyncio.run(events())
    assert (told[0], told[-1]) == ("run.start", "outcome")


def test_a_watch_and_a_drill_tell_what_they_found(environment: Environment) -> None:
    environment.serve("r2")
    calm = {"watch_rate": 10, "watch_look": 2, "validate_slow": 9}
    watched = of(environment).watch(4, limit="site", extra=calm).result()
    # So short a watch proves little, and says so.
    assert (watched.verdict, watched.exit_code, watched.changed) == ("NOT PROVED", 16, False), watched
    assert watched.next == "ansible-playbook watch.yml -i local -e for=4"
    looked = {check.check: check for check in watched.checks if check.component == "site"}
    assert looked["watch: error rate"].figures["n"] >= 20
    assert looked["watch: latency"].figures["bad"] == 0
    assert watched.plan is None and "validation.html" in watched.files

    drill = of(environment).drill("network-split")
    assert "drill.fault" in [event.event for event in drill]
    drilled = drill.result()
    assert (drilled.verdict, drilled.exit_code, drilled.changed) == ("DONE", 0, True), drilled
    (scenario,) = drilled.checks
    assert (scenario.check, scenario.verdict) == ("drill network-split", "pass")
    assert scenario.figures["decision"] == "leave" and scenario.figures["steady"]
    assert "network-split" in drilled.files["drill.html"].read_text()
    assert environment.live() == environment.versions("r2")


def test_the_command_watches_and_drills_where_nobody_can_type(environment: Environment) -> None:
    """The inventory says that somebody has to mean it: nobody can, through a pipe."""

    def command(*arguments: str) -> tuple[int, dict[str, Any]]:
        done = subprocess.run(
            [str(BIN / "knowngood"), *arguments, "-i", "local", "--json"],
            cwd="/",
            env={name: value for name, value in environment.environ().items() if name != "CI"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    # r3 throws, and is rolled back: a watch is no idle look.
    code, told = command("watch", "--for", "60", "-e", "validate_slow=9", "-l", EDGE)
    assert (code, told["verdict"], told["plan"]["release"]) == (0, "DONE", "r2"), told
    assert environment.live() == environment.versions("r2")
    shared = ("-e", "environment_class=staging", "-e", '{"drills": {"allowed": false}}')
    code, told = command("drill", "--scenarios", "network-split", *shared)
    assert (code, told["verdict"]) == (10, "REFUSED"), told
    assert "drills.allowed is not true" in told["details"][0] + told["message"]


def test_the_command_with_json_gives_the_result(environment: Environment) -> None:
    done = subprocess.run(
        [str(BIN / "knowngood"), "status", "-i", "local", "--json"],
        cwd="/",
        env=environment.environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.rstrip().splitlines()[-1] == "DONE: local serves r3"
    told = json.loads(done.stdout)
    assert (told["verdict"], told["exit_code"], told["status"]["release"]) == ("DONE", 0, "r3")
    assert Path(told["journal"]).is_file()
