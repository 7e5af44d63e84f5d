"""Starts a local Cloudflare as a child process, for tests, the demo and benchmarks."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from local_cloudflare.state_dir import LOG, READY


class LaunchError(Exception):
    """The server did not become ready; the message ends with what it said."""


@dataclass(frozen=True)
class Instance:
    """A running local Cloudflare; leaving the context stops it. Fields as in ready.json."""

    process: subprocess.Popen[bytes]
    state: Path
    api_url: str
    admin_url: str
    edge: str
    ca_file: str
    account_id: str
    api_token: str
    zones: dict[str, str]

    def stop(self) -> None:
        """Stops the server and waits for its end."""
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Instance":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    state: Path, *, zones: tuple[str, ...] = ("mustbeviral.com",), timeout: float = 20.0, **options: float
) -> Instance:
    """Starts a server over `state` and waits until it is ready.

    `options` are the numeric options of the command with underscores, for example latency_ms=100. What the
    server prints goes to `state`/server.log. Raises LaunchError.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "local_cloudflare", "--state", str(state), "--parent", str(os.getpid())]
    for zone in zones:
        command += ["--zone", zone]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", str(value)]
    package_root = str(Path(__file__).resolve().parent.parent)
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    log_path = state / LOG
    with log_path.open("ab") as log:
        before = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONPATH": search_path},
        )
    deadline = time.monotonic() + timeout
    while True:
        ready = _ready(state, process.pid)
        if ready is not None:
            break
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            said = log_path.read_bytes()[before:].decode(errors="replace").strip()
            raise LaunchError(f"the local Cloudflare did not become ready: {said or 'it said nothing'}")
        time.sleep(0.01)
    fields = {name: ready[name] for name in Instance.__dataclass_fields__ if name in ready}
    return Instance(process=process, state=state, **fields)


def _ready(state: Path, pid: int) -> dict[str, Any] | None:
    try:
        ready: dict[str, Any] = json.loads((state / READY).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return ready if ready["pid"] == pid else None
