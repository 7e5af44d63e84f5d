"""Servers of ours as child processes: started, waited for, stopped."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class LaunchError(Exception):
    """The server did not become ready; the message ends with what it said."""


@dataclass(frozen=True)
class Child:
    """A running server over a state directory; leaving the context stops it."""

    process: subprocess.Popen[bytes]
    state: Path

    def stop(self, patience: float = 20.0) -> None:
        """Stops the server and waits for its end; after `patience` seconds by force."""
        self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def launch(
    module: str, arguments: Sequence[str], state: Path, *, name: str, log: str, ready: str, timeout: float
) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    """Starts `python -m module` over `state`; the process, and what its ready file says once it is there.

    What the command prints goes to the file `log` in `state`. Raises LaunchError.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", module, "--state", str(state), "--parent", str(os.getpid()), *arguments]
    package_root = str(Path(__file__).resolve().parent.parent)
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    log_path = state / log
    with log_path.open("ab") as output:
        before = output.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": search_path},
        )
    deadline = time.monotonic() + timeout
    while (told := _ready(state / ready, process.pid)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            said = log_path.read_bytes()[before:].decode(errors="replace").strip()
            raise LaunchError(f"the local {name} did not become ready: {said or 'it said nothing'}")
        time.sleep(0.01)
    return process, told


def _ready(path: Path, pid: int) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return told if told["pid"] == pid else None
