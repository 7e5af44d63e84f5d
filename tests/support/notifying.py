"""A run that tells people how it goes: its journal, its command, and the stage at its beginning and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils.journal import FILE, Journal, new_run_id, read
from plugins.module_utils.notify.declared import declared_notifications
from plugins.module_utils.notify.outbox import Outbox
from plugins.module_utils.redact import Redactor
from plugins.module_utils.stage.notify import SPEC, work
from plugins.module_utils.stage.task import Task, perform

CONTACTS = [
    {"name": "Ann Lee", "role": "primary on-call", "how": "slack", "to": "U0000001", "after": 0},
    {"name": "Bo Roe", "role": "secondary on-call", "how": "slack", "to": "U0000002", "after": 15},
    {"name": "Cy Fox", "role": "incident manager", "how": "slack", "to": "U0000003", "after": 30},
]


def declared(notifications: Mapping[str, Any], contacts: Any = None) -> dict[str, Any]:
    """What the inventory says, as the role hands it over; channels must be right, contacts may need another one."""
    found = declared_notifications({"notifications": notifications, "contacts": contacts or CONTACTS})
    assert [problem for problem in found["problems"] if "contacts" not in problem] == []
    return found


class Notifying:
    """One run in ``runs``. ``command`` is a process of its own, which stands for ``ansible-playbook``."""

    def __init__(self, runs: Path, told: Mapping[str, Any], run: str = "") -> None:
        self.runs, self.told = runs, told
        self.run = run or new_run_id()
        self.journal = Journal(runs, self.run, Redactor())
        self.box = runs / self.run / "outbox"
        self.command = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    def stage(self, state: str, **given: Any) -> dict[str, Any]:
        """The stage, as the module calls it."""
        names = ("channels", "contacts", "prefix", "templates", "problems", "approver")
        params = {
            **{name: self.told[name] for name in names},
            "state": state,
            "environment_name": "production",
            "runs_dir": str(self.runs),
            "run": self.run,
            "account_id": "acc0",
            **given,
        }
        checked = ArgumentSpecValidator(SPEC).validate(params)
        assert not checked.error_messages, checked.error_messages
        before = os.environ.get("KNOWNGOOD_COMMAND")
        os.environ["KNOWNGOOD_COMMAND"] = str(self.command.pid)
        try:
            return perform(work, Task(checked.validated_parameters, False, False))
        finally:
            os.environ.pop("KNOWNGOOD_COMMAND")
            if before is not None:
                os.environ["KNOWNGOOD_COMMAND"] = before

    def open(self, *, drill: bool = False, incident: str = "") -> None:
        """The run opens its incident."""
        self.journal.write(
            "incident.opened",
            incident=incident or self.run,
            severity="CRITICAL",
            trigger="health",
            source="automatic",
            reason="r4 answers nonsense",
            drill=drill,
            commander="ann@ops",
        )

    def move(self) -> None:
        """From the plan to the moment where everything is moved."""
        moves = [{"component": "auth-worker"}, {"component": "site"}]
        self.journal.write("plan", release="r2", live_release="r4", left_out=[], reason="newest", moves=moves)
        self.journal.write("goal", hash="5f14d0e0ab3b", release="r2")
        for move in moves:
            self.journal.write("switch.end", component=move["component"], state="moved", seconds=0.1)
        self.journal.write("stage.end", stage="switch", ok=True, seconds=0.2)

    def end(self, code: int = 0, message: str = "production serves r2; 2 of 2 components checked") -> None:
        self.journal.write("outcome", exit_code=code, verdict="-", message=message, next="status", details=[])

    def whole(self, code: int = 0, **opened: Any) -> dict[str, Any]:
        """A run from its beginning to its end, as fast as it can be written."""
        self.stage("started")
        self.open(**opened)
        self.move()
        self.end(code)
        return self.stage("finished")

    def notifications(self) -> list[dict[str, Any]]:
        return [event for event in read(self.runs / self.run / FILE) if event["event"] == "notification"]

    def states(self) -> dict[str, str]:
        """What became of each message, by its id without incident and run."""
        box = Outbox(self.box)
        found = box.messages("sent", "unsent", "refused", "held")
        return {f"{m.kind}.{m.channel}.{m.audience}{m.detail}": box.said(m)["state"] for m in found}

    def senders(self) -> list[int]:
        """The processes that send for this run (Linux)."""
        sign, found = f"KNOWNGOOD_RUN={self.run}".encode(), []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environ, line = (folder / "environ").read_bytes(), (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if sign in environ.split(b"\0") and b"module_utils.notify.sender" in line:
                found.append(int(folder.name))
        return found

    def kill(self) -> None:
        """SIGKILL to what stands for ``ansible-playbook``."""
        self.command.kill()
        self.command.wait()

    def clean(self) -> None:
        self.kill()
        for pid in self.senders():
            os.kill(pid, signal.SIGKILL)


def eventually(
    holds: Callable[[], Any], told: Callable[[], object] = lambda: "", seconds: float = 20
) -> None:
    """Wait until it holds; fails with what ``told`` says."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, told()
        time.sleep(0.02)
