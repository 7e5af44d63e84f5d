"""Plays one playbook through ansible-runner, in a process that outlives whoever asked for it.

``ansible-playbook`` writes to a terminal that ansible-runner holds, and dies with it. So the one who asks starts this
process in a session of its own, gives it an order on standard input, and may go: the run comes to its end.
What is to be known of it is in its journal; standard output says only how ``ansible-playbook`` ended.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ansible_runner  # type: ignore[import-untyped]
from ansible.module_utils.cancel import ask

from .order import Order

__all__ = ["main"]

# How soon a kill is heard, in seconds.
_LOOK = 0.2
_LINES = 40
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def main() -> int:
    """Play what standard input says; 0 when that could be tried."""
    try:
        order = Order.of_json(sys.stdin.read())
    except ValueError:
        return 1
    killed = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: killed.set())
    with _ends_in_time(order), TemporaryDirectory(prefix="knowngood-") as private:
        ended = _play(order, Path(private), killed)
    with suppress(BrokenPipeError):
        os.write(1, b"\n" + json.dumps(ended).encode())
    return 0


@contextmanager
def _ends_in_time(order: Order) -> Iterator[None]:
    """The run is cancelled when its time is over, whoever still waits for it."""
    if order.timeout is None:
        yield
        return
    why = f"its time-out of {order.timeout:g} s is over"
    timer = threading.Timer(order.timeout, ask, (Path(order.runs) / order.run, why))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _play(order: Order, private: Path, killed: threading.Event) -> dict[str, Any]:
    """``code``: the exit code, ``None`` after a kill; ``lines``: the last that were written."""

    def on_status(told: dict[str, Any], runner_config: Any) -> None:
        if told["status"] == "running":
            # It holds the whole environment, with the token of the API.
            (Path(runner_config.artifact_dir) / "command").unlink(missing_ok=True)

    def on_event(told: dict[str, Any]) -> bool:
        if told.get("event") == "playbook_on_start":
            # Ansible has read them.
            (private / "env" / "extravars").unlink(missing_ok=True)
        return False

    os.environ["ANSIBLE_CONFIG"] = str(Path(order.root) / "ansible.cfg")
    os.environ["KNOWNGOOD_RUN"], os.environ["KNOWNGOOD_RUNS"] = order.run, order.runs
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    # ansible-runner would build upon it, and it draws on a terminal.
    os.environ.pop("ANSIBLE_STDOUT_CALLBACK", None)
    runner = ansible_runner.run(
        private_data_dir=str(private),
        project_dir=order.root,
        playbook=f"{order.playbook}.yml",
        inventory=order.inventory,
        extravars=dict(order.extra or {}),
        cmdline=shlex.join(order.arguments) or None,
        settings={"pexpect_timeout": _LOOK},
        quiet=True,
        omit_event_data=True,
        status_handler=on_status,
        event_handler=on_event,
        cancel_callback=killed.is_set,
    )
    with runner.stdout as output:
        lines = [_COLOURS.sub("", line).rstrip() for line in output]
    return {"code": None if runner.status == "canceled" else runner.rc, "lines": lines[-_LINES:]}


if __name__ == "__main__":
    sys.exit(main())
