"""A dead man's switch: when a drill is killed, what it broke is put back by a process that outlives it.

Faults end with their lease. A bad release has none, so this process waits beside the drill and listens to it; when the
drill is gone without a word, it runs the command that heals.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Deadman"]

_ALIVE = b"."
# Seconds for the lock of a killed rollback, and its processes, to be gone.
_SETTLE = 2.0
_TRIES = 3


class Deadman:
    """Watches over a block: if this process dies in it, the command is run. Leaving the block calls it off."""

    def __init__(self, command: Sequence[str], *, cwd: Path, environ: Mapping[str, str], log: Path) -> None:
        self._told = {"command": list(command), "cwd": str(cwd), "log": str(log)}
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # In a session of its own, or what kills the drill's process group would kill it too.
        self._process = subprocess.Popen(
            [sys.executable, __file__, json.dumps(self._told)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self._environ,
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(_ALIVE)
        self._process.stdin.close()
        self._process.wait()


def main(told: Mapping[str, Any]) -> int:
    """Wait for the end of the input: nothing before it means that the drill is dead."""
    if sys.stdin.buffer.read():
        return 0
    time.sleep(_SETTLE)
    with Path(told["log"]).open("ab") as log:
        log.write(b"the drill was killed; what it left is put back\n")
        log.flush()
        for _ in range(_TRIES):
            done = subprocess.run(
                told["command"],
                cwd=told["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
            if done.returncode == 0:
                break
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
