"""Starts a local PostgreSQL as a child process, for tests, the demo and benchmarks."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

LOG = "local_postgres.log"
READY = "ready.json"


class LaunchError(Exception):
    """The server did not become ready; the message ends with what it said."""


@dataclass(frozen=True)
class Instance:
    """A running local PostgreSQL; leaving the context stops it. Fields as in ready.json."""

    process: subprocess.Popen[bytes]
    state: Path
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    socket_dir: str | None
    tools_dir: str
    server_version: str
    ca_file: str

    def dsn(self, database: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """A connection string with its password: not for output."""
        who = f"{quote(user or self.user)}:{quote(password or self.password)}"
        return f"postgresql://{who}@{self.host}:{self.port}/{quote(database)}"

    def stop(self) -> None:
        """Stops the server and waits for its end."""
        self.process.terminate()
        try:
            self.process.wait(20)
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
    state: Path,
    *,
    server_version: int | None = None,
    port: int = 0,
    settings: Iterable[str] = (),
    timeout: float = 60.0,
) -> Instance:
    """Starts a server over `state` and waits until it is ready.

    `settings` are server settings, "name=value". What the command prints goes to `state`/local_postgres.log.
    Raises LaunchError.
    """
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "local_postgres", "--state", str(state), "--parent", str(os.getpid())]
    command += ["--port", str(port)]
    if server_version is not None:
        command += ["--server-version", str(server_version)]
    for setting in settings:
        command += ["--setting", setting]
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
    while (ready := _ready(state, process.pid)) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            said = log_path.read_bytes()[before:].decode(errors="replace").strip()
            raise LaunchError(f"the local PostgreSQL did not become ready: {said or 'it said nothing'}")
        time.sleep(0.01)
    return Instance(process=process, state=state, **{k: v for k, v in ready.items() if k != "pid"})


def _ready(state: Path, pid: int) -> dict[str, Any] | None:
    try:
        ready: dict[str, Any] = json.loads((state / READY).read_text())
    except (FileNotFoundError, ValueError):
        return None
    return ready if ready["pid"] == pid else None
