"""Which runs are under way: each holds a lock on a file in its folder for as long as its supervisor lives."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Running", "held", "running", "under_way"]

_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A run that is under way; ``supervisor`` is its process."""

    run: str
    playbook: str
    environment: str
    supervisor: int


@contextmanager
def held(folder: Path, told: Running) -> Iterator[None]:
    """The run is under way meanwhile. What remains of the file after a kill is not locked, and so tells nothing."""
    path = folder / _FILE
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.write(file, json.dumps(asdict(told)).encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)


def running(folder: Path) -> Running | None:
    """What says that the run of this folder is under way; ``None`` when it is not."""
    with suppress(OSError, ValueError, TypeError), (folder / _FILE).open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return Running(**json.load(file))
    return None


def under_way(runs: Path) -> list[Running]:
    """All of them, the oldest first."""
    found = [running(path.parent) for path in sorted(runs.glob(f"*/{_FILE}"))]
    return [each for each in found if each is not None]
