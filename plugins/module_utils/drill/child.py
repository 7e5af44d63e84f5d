"""The rollback of a drill is the real one: ``ansible-playbook rollback.yml`` as a process, and its journal."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ..journal import FILE, new_run_id, read

__all__ = ["LEAVE", "REFUSE", "ROLL_BACK", "Broken", "Ended", "Playbooks", "decision_of"]

ROLL_BACK, LEAVE, REFUSE = "roll_back", "leave", "refuse"
_LOOK = 0.05
# Seconds that a deploy or a rollback may take.
_LONGEST = 900.0


class Broken(Exception):
    """A process could not be started, or did not end as it must; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a rollback ended. ``decision`` is what it decided, or how it failed; times are those of its journal."""

    run: str
    code: int
    decision: str
    message: str
    decided: datetime | None
    first_change: datetime | None
    last_change: datetime | None
    verified: datetime | None


@dataclass(frozen=True)
class Playbooks:
    """Starts playbooks as a person would, with the inventory and the variables of the drill itself."""

    root: Path
    inventory: Sequence[str]
    runs: Path
    extra: Sequence[str]

    def rollback(self, log: Path, variables: Mapping[str, Any]) -> Ended:
        """Run ``rollback.yml`` to its end, and read its journal. Raises :class:`Broken`."""
        run = new_run_id()
        environ = {**self.environ, "KNOWNGOOD_RUN": run}
        code = follow(self.command("rollback.yml", variables), cwd=self.root, environ=environ, log=log)
        journal = self.runs / run / FILE
        if not journal.exists():
            raise Broken(f"rollback.yml ended with {code} and left no journal: {last_words(log)}")
        return _ended(run, code, list(read(journal)))

    def command(self, name: str, variables: Mapping[str, Any]) -> list[str]:
        """A playbook's command line."""
        arguments = [part for source in self.inventory for part in ("-i", source)]
        arguments += [part for given in self.extra for part in ("-e", given)]
        return [_ansible_playbook(), name, *arguments, "-e", json.dumps(variables)]

    @property
    def environ(self) -> dict[str, str]:
        """The environment without what belongs to this run."""
        ours = ("KNOWNGOOD_RUN", "KNOWNGOOD_COMMAND")
        kept = {name: value for name, value in os.environ.items() if name not in ours}
        return {**kept, "KNOWNGOOD_RUNS": str(self.runs)}


def follow(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    log: Path,
    each_look: Callable[[], None] = lambda: None,
) -> int:
    """Run a command with its output in a file; its exit code.

    What ``each_look`` raises is raised when the command has ended: half a deploy would go on by itself, unseen. A
    command that does not end is killed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(
                command, cwd=cwd, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        except OSError as error:
            raise Broken(f"{command[0]} cannot be started: {error.strerror}") from None
        stopped: Exception | None = None
        deadline = time.monotonic() + _LONGEST
        while process.poll() is None and time.monotonic() < deadline:
            if stopped is None:
                try:
                    each_look()
                except Exception as error:
                    stopped = error
            time.sleep(_LOOK)
    if process.poll() is None:
        process.kill()
        process.wait()
        raise Broken(f"{command[0]} did not end in {_LONGEST:g} s")
    if stopped is not None:
        raise stopped
    return process.returncode


def last_words(log: Path) -> str:
    """The end of what a process wrote."""
    text = log.read_text(errors="replace").strip() if log.exists() else ""
    return " / ".join(text.splitlines()[-3:])[-400:] or "it said nothing"


def decision_of(code: int, events: Iterable[Mapping[str, Any]]) -> str:
    """What a rollback decided: by its exit code, and by what it moved."""
    moved = any(
        (event["event"] == "switch.end" and event.get("state") == "moved")
        or event["event"] == "database.moved"
        for event in events
    )
    if moved:
        # What is broken all through a drill may be what cannot be proved; the drill proves it once that is healed.
        return ROLL_BACK if code in (0, 16) else f"failed with {code}"
    if code == 10:
        return REFUSE
    # Declined, nothing to do, or nothing to do and the trouble goes on: the set stays.
    return LEAVE if code in (0, 13, 15) else f"failed with {code}"


def _ended(run: str, code: int, events: list[dict[str, Any]]) -> Ended:
    decision = decision_of(code, events)
    # Where nothing has to move, the plan says so, and no goal is stored.
    kinds = ("goal", "declined", "plan") if decision == LEAVE else ("goal", "outcome")
    decided = _times(events, *kinds) or _times(events, "outcome")
    changed = _times(events, "switch.start", "database.moved")
    verified = [event for event in events if event["event"] == "outcome" and event.get("exit_code") == 0]
    last = [event for event in events if event["event"] == "outcome"]
    done = _times(events, "switch.end", "database.moved")
    return Ended(
        run=run,
        code=code,
        decision=decision,
        message=str(last[-1]["message"]) if last else "",
        decided=decided[0] if decided else None,
        first_change=changed[0] if changed and decision == ROLL_BACK else None,
        last_change=done[-1] if done and decision == ROLL_BACK else None,
        verified=_time(verified[-1]) if verified else None,
    )


def _times(events: Iterable[Mapping[str, Any]], *kinds: str) -> list[datetime]:
    return [_time(event) for event in events if event["event"] in kinds]


def _time(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def _ansible_playbook() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    return str(beside) if beside.exists() else shutil.which("ansible-playbook") or "ansible-playbook"
