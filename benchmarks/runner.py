"""What it costs to start a playbook from Python, or by ``knowngood``, over ``ansible-playbook`` itself."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import knowngood
from local_cloudflare.launch import start
from tests.support.environment import ROOT, Environment
from tests.support.seed import build

BIN = Path(sys.executable).parent
PROGRAM = (
    "from knowngood import Environment; raise SystemExit(Environment('local').status().result().exit_code)"
)


def measure(runs: int) -> None:
    """Print the table: ``status.yml`` in each way, one after the other, so that all meet the same machine."""
    print(f"\nstatus.yml from Python and by the command, against ansible-playbook, medians of {runs} runs")
    with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as folder:
        seed = build(Path(folder) / "seed")
        with start(seed.copy(Path(folder) / "state"), budget=1_000_000) as instance:
            environment = Environment(instance)
            ways = _ways(environment)
            taken = [[_taken(way) for way in ways.values()] for _ in range(runs + 1)][1:]
            _print(list(ways), taken)
        help_ = [_taken(lambda: _run([str(BIN / "knowngood"), "--help"], environment)) for _ in range(runs)]
    print(f"knowngood --help: {median(wall for wall, _ in help_):.2f} s")


def _ways(environment: Environment) -> dict[str, Callable[[], None]]:
    command, typed = environment.command("status.yml"), [str(BIN / "knowngood"), "status", "-i", "local"]
    known = knowngood.Environment("local", runs=environment.runs, environ=environment.environ())

    def from_python() -> None:
        result = known.status().result()
        assert result.ok, result

    return {
        "ansible-playbook": lambda: _run(command, environment),
        "knowngood status": lambda: _run(typed, environment),
        "knowngood status --json": lambda: _run([*typed, "--json"], environment),
        "status().result()": from_python,
        "a new Python": lambda: _run([sys.executable, "-c", PROGRAM], environment),
    }


def _run(command: list[str], environment: Environment) -> None:
    subprocess.run(
        command,
        cwd=ROOT,
        env=environment.environ(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )


def _taken(way: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and seconds of CPU of all that it started and waited for, and of this process."""
    began, before = time.monotonic(), _cpu()
    way()
    return time.monotonic() - began, _cpu() - before


def _cpu() -> float:
    children, here = resource.getrusage(resource.RUSAGE_CHILDREN), os.times()
    return children.ru_utime + children.ru_stime + here.user + here.system


def _print(names: list[str], taken: list[list[tuple[float, float]]]) -> None:
    print("  ".join(f"{title:>24}" for title in ("way", "seconds", "more", "more CPU")))
    for index, name in enumerate(names):
        wall = median(row[index][0] for row in taken)
        more = median(row[index][0] - row[0][0] for row in taken)
        cpu = median(row[index][1] - row[0][1] for row in taken)
        cells = (name, f"{wall:.2f} s", f"{more:+.2f} s", f"{cpu:+.2f} s")
        print("  ".join(f"{cell:>24}" for cell in cells), flush=True)
