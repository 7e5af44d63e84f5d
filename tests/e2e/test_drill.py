"""A drill as somebody types it: what it breaks is seen, decided, healed and proved; and what it refuses (S102-S113)."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from local_cloudflare.launch import start
from plugins.module_utils.journal import FILE, read
from tests.support.environment import ROOT, Environment, Run
from tests.support.seed import Seed


@pytest.fixture(scope="module")
def environment(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One for the whole file: r2 serves, and is known to be good."""
    with start(seed.copy(tmp_path_factory.mktemp("drill") / "state")) as instance:
        made = Environment(instance)
        made.serve("r2")
        yield made


def faults(environment: Environment) -> list[object]:
    admin = environment.instance.admin_url
    return [
        fault
        for place in ("/faults", "/edge/faults")
        for fault in requests.get(admin + place, timeout=5).json()["faults"]
    ]


def run_of(run: Run) -> str:
    """The name of the drill; the rollbacks inside it have names of their own."""
    found = re.search(r"knowngood drill, run (\S+)", run.output)
    assert found, run.output
    return found[1]


def result_of(environment: Environment, run: Run) -> dict[str, Any]:
    events = read(environment.runs / run_of(run) / FILE)
    (told,) = (event for event in events if event["event"] == "drill.scenario")
    return told


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_fault_of_the_network_is_seen_and_nothing_moves(environment: Environment) -> None:
    due = environment.play("drill.yml", "--tags", "overdue")
    assert due.code == 22
    assert "DRILL OVERDUE: local: last drill never, next due now, every 31 days" in due.last_line

    before, mark = environment.live(), environment.api.mark()
    run = environment.play("drill.yml", "-e", "scenarios=network-reset")
    assert run.code == 0, run.output
    assert run.last_line.startswith("DONE: local: 1 scenario(s) passed")
    assert environment.live() == before
    assert environment.writes(mark) == []
    assert faults(environment) == []

    told = result_of(environment, run)
    assert told["decision"] == "leave" and told["signal"] == ["api-gateway"] and told["steady"]
    moments = told["moments"]
    assert moments["t_inject"] < moments["t_detect"] < moments["t_decide"]
    assert moments["t_restored"] > moments["t_inject"] and "t_first_change" not in moments
    assert told["acknowledged"] > 0 and told["rpo"] == 0
    folder = environment.runs / run_of(run)
    assert "network-reset" in (folder / "drill.html").read_text()
    assert json.loads((folder / "network-reset" / "journal.json").read_text())["status"] == "completed"

    due = environment.play("drill.yml", "--tags", "overdue")
    assert due.code == 0, due.output


def test_a_bad_release_is_rolled_back_by_the_real_rollback(environment: Environment) -> None:
    before = environment.live()
    run = environment.play("drill.yml", "-e", "scenarios=worker-throws")
    assert run.code == 0, run.output
    assert environment.live() == before
    told = result_of(environment, run)
    assert told["decision"] == "roll_back" and told["rpo"] == 0
    times = [
        told["moments"][f"t_{name}"]
        for name in ("inject", "decide", "first_change", "last_change", "verified")
    ]
    assert times == sorted(times)
    # The rollback is a run like any other, marked as a drill.
    (inner,) = told["runs"]
    opened = next(
        event for event in read(environment.runs / inner / FILE) if event["event"] == "incident.opened"
    )
    assert opened["drill"] is True and opened["severity"] == "LOW" and opened["detected"]
    assert not environment.processes()


def test_a_stop_file_ends_it_and_all_is_as_before(environment: Environment) -> None:
    before = environment.live()
    (environment.runs / "stop-drill").touch()
    try:
        run = environment.play("drill.yml", "-e", "scenarios=network-reset")
    finally:
        (environment.runs / "stop-drill").unlink()
    assert run.code == 21
    assert "DRILL ABORTED: network-reset: the stop file" in run.last_line
    assert environment.live() == before and faults(environment) == []


def test_what_somebody_interrupts_is_healed_all_the_same(environment: Environment) -> None:
    before = environment.live()
    known = set(environment.runs.glob(f"*/{FILE}"))
    run = environment.start("drill.yml", "-e", "scenarios=network-reset")

    def broken() -> bool:
        new = set(environment.runs.glob(f"*/{FILE}")) - known
        return any(event["event"] == "drill.fault" for path in new for event in read(path))

    eventually(lambda: broken() and len(faults(environment)) > 0)
    os.killpg(run.pid, signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert "next     give the same command again, with -e heal=true" in output, output
    assert "INTERRUPTED: what the drill broke may be there still, until it is healed" in output
    # By the process that waits beside it.
    eventually(lambda: not environment.processes(), seconds=90)
    assert environment.live() == before and faults(environment) == []


@pytest.mark.parametrize(
    ("inventory", "said"),
    [
        ("production", "environment_class is production, and production is never drilled"),
        # It says zeros until somebody writes the ids of its own account there.
        ("staging", "is not in drills.identities.accounts"),
    ],
)
def test_what_is_not_to_be_drilled_is_refused(environment: Environment, inventory: str, said: str) -> None:
    # Whatever was asked would be seen: the API of these inventories is led to this environment.
    mark, told = environment.api.mark(), environment.instance
    reach = {"cloudflare_api_url": told.api_url, "cloudflare_account_id": told.account_id}
    variables = json.dumps({**reach, "cloudflare_api_token": told.api_token})
    done = subprocess.run(
        [environment.command("drill.yml")[0], "drill.yml", "-i", inventory, "-e", variables],
        cwd=ROOT,
        env={**environment.environ(), "CI": "true"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 10, done.stdout + done.stderr
    assert said in done.stdout
    assert environment.api.calls(mark, "knowngood") == []


def test_a_scenario_that_is_not_there_is_refused(environment: Environment) -> None:
    run = environment.play("drill.yml", "-e", "scenarios=nonsense")
    assert run.code == 10
    assert "nonsense is neither a scenario (application-broken-build" in run.output


# The local environment, told to be one that people share; its scenarios are only looked at.
STAGING = ("-e", "environment_class=staging", "-e", "scenarios=network-reset", "--check")


def environ(environment: Environment) -> dict[str, str]:
    return {name: value for name, value in environment.environ().items() if name != "CI"}


def typed(environment: Environment, answer: str) -> tuple[int, str]:
    """Answer the prompt on a terminal: ``RUN`` stands for the name of the run. Exit code and screen."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        environment.command("drill.yml", *STAGING),
        cwd=ROOT,
        env=environ(environment),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        # Who reads from a terminal has to be in its foreground.
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    screen, asked, deadline = "", False, time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                screen += os.read(master, 4096).decode(errors="replace")
            except OSError:
                break
        found = re.search(r"type the name of this run, (\S+?)[:\s]", screen)
        if found and not asked:
            asked = True
            # Ansible throws away what was typed before it listens.
            time.sleep(1)
            os.write(master, answer.replace("RUN", found[1]).encode() + b"\r")
    try:
        code = process.wait(30)
    finally:
        process.kill()
        os.close(master)
    return code, screen


def test_the_name_of_the_run_is_typed(environment: Environment) -> None:
    code, screen = typed(environment, "RUN")
    assert code == 0, screen
    assert "may be drilled, with 1 scenario(s)" in screen


def test_without_a_terminal_nobody_means_it(environment: Environment) -> None:
    done = subprocess.run(
        environment.command("drill.yml", *STAGING),
        cwd=ROOT,
        env=environ(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 10, done.stdout
    assert "REFUSED" in done.stdout.splitlines()[-1]
