"""Which runs are under way on this machine: each holds a lock on a file in its folder for as long as it lives."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["Running", "hold", "running", "under_way"]

_FILE = "running.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A run that is under way; ``command`` is the process ``ansible-playbook``."""

    run: str
    playbook: str
    environment: str
    command: int


def hold(folder: Path, told: Running) -> Callable[[], None]:
    """The run is under way until what is returned is called, or it and all its tasks are gone. May raise OSError.

    What a kill leaves of the file is not locked, and so tells nothing.
    """
    path, owner = folder / _FILE, os.getpid()
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    os.write(file, json.dumps(asdict(told)).encode())

    def release() -> None:
        # A task is a fork, and has the same lock.
        if os.getpid() == owner:
            with suppress(OSError):
                path.unlink(missing_ok=True)
                fcntl.flock(file, fcntl.LOCK_UN)

    return release


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
