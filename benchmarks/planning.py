"""Planning over many releases and components: read the ledger, group, choose, plan with its hash.

The environment is the largest that Cloudflare lists: per component the 100 newest versions and ten deployments, and
every release in the ledger. Nothing is asked of a network; a process of its own does only this, so that its peak of
memory is that of planning.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.entry import parse, unparse
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.release.candidate import Rules
from plugins.module_utils.release.choose import choose
from plugins.module_utils.release.group import group
from plugins.module_utils.release.model import Component, Deployment, State, Version
from plugins.module_utils.release.plan import make_plan

RELEASES, COMPONENTS = 1000, 500
# The newest ones without evidence: what a plan passes over.
UNPROVED = 50
GOALS = "under 2 s and 300 MB"
_START = datetime(2026, 1, 1, tzinfo=UTC)


def measure(runs: int) -> None:
    """Print the figures; medians of ``runs``, each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        write_ledger(folder, RELEASES, COMPONENTS)
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        found = [
            json.loads(subprocess.check_output([sys.executable, "-m", "benchmarks.planning", folder]))
            for _ in range(runs)
        ]
    print(
        f"\nPlanning {RELEASES} releases x {COMPONENTS} components (a ledger of {size:.0f} MB), goal {GOALS}"
    )
    for step in ("ledger", "group", "choose", "plan", "total", "CPU"):
        print(f"  {step:<8}{median(each[step] for each in found):6.2f} s")
    print(f"  peak    {median(each['peak'] for each in found):6.0f} MB")


def write_ledger(folder: str, releases: int, components: int) -> None:
    """Every release recorded when it was made, with evidence but for the newest ones."""
    lines: list[bytes] = []

    def add(number: int, kind: str, **body: object) -> None:
        parents = (parse(lines[-1], "").hash,) if lines else ()
        lines.append(unparse(kind, _at(number, 120), "benchmark", body, parents, 0))

    for number in range(1, releases + 1):
        name = f"r{number}"
        versions = {component: _id(component, number) for component in _names(components)}
        add(number, "release", release=name, versions=versions, databases={})
        if number <= releases - UNPROVED:
            add(number, "evidence", release=name, verdict="pass", tier="quick", run=f"run-{number}")
    Directory(folder).append(lambda _: b"".join(line + b"\n" for line in lines))


def states(releases: int, components: int) -> dict[str, State]:
    """What Cloudflare lists: the 100 newest versions and the ten newest deployments."""
    newest = range(releases, max(releases - 100, 0), -1)
    return {
        name: State(
            Component(name, "worker", name),
            tuple(
                Deployment(f"{name}-d{number}", _at(number, 60), ((_id(name, number), 100.0),))
                for number in newest[:10]
            ),
            tuple(Version(_id(name, number), _at(number, 0), tag=f"r{number}") for number in newest),
            history_complete=len(newest) < 10,
        )
        for name in _names(components)
    }


def _names(components: int) -> list[str]:
    return [f"worker-{number:03}" for number in range(components)]


def _id(component: str, number: int) -> str:
    return f"{number:08x}-0000-4000-8000-00000{component}"


def _at(number: int, seconds: int) -> datetime:
    return _START + timedelta(hours=number, seconds=seconds)


def _once(folder: str) -> dict[str, float]:
    found = states(RELEASES, COMPONENTS)
    cpu, marks = time.process_time(), [time.perf_counter()]
    known = Ledger(Directory(folder), by="benchmark").view()
    marks.append(time.perf_counter())
    releases = group(found, window=timedelta(minutes=15), recorded=known.releases)
    marks.append(time.perf_counter())
    choice = choose(found, releases, known, Rules())
    marks.append(time.perf_counter())
    plan = make_plan("bench", found, releases, choice, left_out=[])
    assert plan.hash and plan.release == f"r{RELEASES - UNPROVED}"
    marks.append(time.perf_counter())
    steps = ("ledger", "group", "choose", "plan")
    took = {step: after - before for step, before, after in zip(steps, marks, marks[1:], strict=False)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {**took, "total": marks[-1] - marks[0], "CPU": time.process_time() - cpu, "peak": peak}


if __name__ == "__main__":
    print(json.dumps(_once(sys.argv[1])))
