"""The fault matrix: calls of a rollback, each disturbed in each way, and where that run and the next one end."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

import requests

from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.outcome import DONE, FAILED, INVALID, PARTIAL, REFUSED, RESTORED
from tests.support.environment import PROJECT, WORKERS, Environment, Run
from tests.support.kill import Call, Running, kill_started

OLD, NEW = "r3", "r2"
COMPONENTS = {**WORKERS, "site": PROJECT}

FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "error", "count": 1},
    "500, done": {"kind": "error", "phase": "after", "count": 1},
    "reset, done": {"kind": "reset", "phase": "after", "count": 1},
    "time-out": {"kind": "timeout", "count": 1},
    "time-out, done": {"kind": "timeout", "phase": "after", "count": 1},
    "429": {"kind": "error", "status": 429, "code": 971, "count": 1},
    "500 for good": {"kind": "error"},
    "500, done, for good": {"kind": "error", "phase": "after"},
    "403 for good": {"kind": "error", "status": 403, "code": 10000},
    "kill": {},
    "kill, done": {},
}
"""By column. "done": the call took effect, and the client cannot know; "for good": so does every later one like it."""
FOR_GOOD = [fault for fault in FAULTS if fault.endswith("for good")]


@dataclass(frozen=True)
class Cell:
    """One call of a rollback, and what happens to it."""

    call: Call
    fault: str

    def __str__(self) -> str:
        return f"{name_of(self.call)}: {self.fault}"


class Lane:
    """An environment that is put back before each cell. ``play`` and ``start`` are the way to roll back."""

    def __init__(
        self, environment: Environment, play: Callable[..., Run], start: Callable[..., Running]
    ) -> None:
        self.environment = environment
        self._play, self._start = play, start
        self._ledger = environment.instance.state / "ledger"
        self._kept = environment.instance.state / "ledger-kept"
        shutil.copytree(self._ledger, self._kept)
        self.old, self.new = environment.versions(OLD), environment.versions(NEW)

    def reset(self) -> None:
        """The bad release serves, the ledger is as it was, no fault is in force, no call is remembered."""
        api = self.environment.api
        api.heal()
        for name, version in self.old.items():
            if name == PROJECT:
                api("POST", f"A/pages/projects/{PROJECT}/deployments/{version}/rollback")
            else:
                api.deploy(name, version, force=True)
        shutil.rmtree(self._ledger)
        shutil.copytree(self._kept, self._ledger)
        requests.delete(f"{self.environment.instance.admin_url}/requests", timeout=30).raise_for_status()

    def calls(self) -> list[Call]:
        """Every call that a rollback makes, in the order of a run that nothing disturbed."""
        self.reset()
        run = self._play()
        assert run.code == DONE, run.output
        seen: Counter[tuple[str, str]] = Counter()
        calls = []
        for call in self.environment.api.log(0):
            key = (call["method"], call["path"])
            calls.append(({"method": call["method"], "path": f"^{re.escape(call['path'])}$"}, seen[key]))
            seen[key] += 1
        return calls

    def measure(self, cell: Cell) -> str:
        """How the disturbed run ends, in a word; fails when it lies, or when the next run does not arrive."""
        self.reset()
        told = self._killed(cell) if cell.fault.startswith("kill") else self._disturbed(cell)
        self.environment.api.heal()
        again = self._play()
        assert again.code == DONE, f"{cell}: {told}, and then\n{again.output}"
        assert self.environment.live() == self.new, f"{cell}: {told}, and then\n{again.output}"
        known = Ledger(Directory(self._ledger / "local"), by="test").view()
        assert known.condemned_release(OLD) is not None, f"{cell}: {told}, {OLD} is not condemned"
        assert all(goal.end is not None for goal in known.goals.values()), f"{cell}: {told}, a goal is open"
        return told

    def _killed(self, cell: Cell) -> str:
        kill_started(self.environment, cell.call, "after" if "done" in cell.fault else "before", self._start)
        live = self.environment.live()
        return "new" if live == self.new else "old" if live == self.old else "mixed"

    def _disturbed(self, cell: Cell) -> str:
        match, skip = cell.call
        api = self.environment.api
        api.fault({**FAULTS[cell.fault], "match": match, "skip": skip})
        run = self._play(fault=cell.fault)
        assert any(call["fault"] for call in api.log(0)), f"{cell}: the call was not made"
        api.heal()
        try:
            return self._end(run)
        except AssertionError as error:
            raise AssertionError(f"{cell}: {error}\n{run.output}") from None

    def _end(self, run: Run) -> str:
        """The end of a run, held against what serves."""
        live = self.environment.live()
        assert "defect" not in run.output, "an unforeseen error"
        if run.code in (DONE, INVALID):
            assert live == self.new, "it says that the new set serves"
            return "NEW" if run.code == DONE else "NEW, INVALID"
        assert "ansible-playbook rollback.yml" in run.output or "same command again" in run.output
        if run.code in (REFUSED, RESTORED):
            assert live == self.old, "it says that the old set serves"
            return "REFUSED" if run.code == REFUSED else "OLD"
        assert run.code in (PARTIAL, FAILED), f"exit code {run.code}"
        for name, target in COMPONENTS.items():
            place = re.search(
                rf"^\W*{name}: (at|still at|not known where|did not go back)\b(.*)", run.output, re.M
            )
            assert place, f"it does not say where {name} is"
            if place[1] == "at":
                assert live[target] == (self.old if "again" in place[2] else self.new)[target], place[0]
            if place[1] == "still at":
                assert live[target] == self.old[target], place[0]
        return "FAILED"


def measure_all(lanes: Iterable[Lane], cells: Iterable[Cell]) -> list[tuple[Cell, str]]:
    """Every cell's end. All are measured, also when some fail, which are then told together."""
    free: SimpleQueue[Lane] = SimpleQueue()
    lanes = list(lanes)
    for lane in lanes:
        free.put(lane)
    wrong: list[str] = []

    def one(cell: Cell) -> tuple[Cell, str]:
        lane = free.get()
        try:
            return cell, lane.measure(cell)
        except AssertionError as error:
            wrong.append(str(error))
            return cell, "WRONG"
        finally:
            free.put(lane)

    with ThreadPoolExecutor(len(lanes)) as pool:
        ends = list(pool.map(one, cells))
    assert not wrong, f"{len(wrong)} of {len(ends)} cells:\n\n" + "\n\n".join(wrong) + "\n\n" + table(ends)
    return ends


def is_write(call: Call) -> bool:
    """Whether it changes something. A rollback that leaves the databases alone only reads them, by POST."""
    return call[0]["method"] != "GET" and not call[0]["path"].endswith("/query$")


def name_of(call: Call) -> str:
    """For a person: without account and version, and the how-manieth of its like it is."""
    path = re.sub(r"^\^.*/accounts/[0-9a-f]+/|\$$", "", call[0]["path"].replace("\\", ""))
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{id}", path).replace("must-be-viral-", "")
    return f"{call[0]['method']} {path} #{call[1] + 1}"


def kind_of(call: Call) -> str:
    """As :func:`name_of`, whichever Worker it is about."""
    return re.sub(r"(auth|content|analytics|api-gateway|websocket)-local", "*", name_of(call))


def table(ends: list[tuple[Cell, str]]) -> str:
    """Kinds of calls by faults: the number of cells per end."""
    rows: dict[str, dict[str, Counter[str]]] = {}
    for cell, end in ends:
        row = rows.setdefault(kind_of(cell.call).rpartition(" #")[0], {})
        row.setdefault(cell.fault, Counter())[end] += 1
    lines = []
    for kind, row in sorted(rows.items()):
        lines.append(kind)
        for fault in FAULTS:
            if fault in row:
                lines.append(
                    f"    {fault:20} " + ", ".join(f"{n} {end}" for end, n in sorted(row[fault].items()))
                )
    return "\n".join(lines)
