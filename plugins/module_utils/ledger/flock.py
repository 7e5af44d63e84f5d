"""A lock between the processes of one machine, which the kernel takes back when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import LedgerError

__all__ = ["flock"]

_PATIENCE = 60.0
_LOOK = 0.01


@contextmanager
def flock(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock on a file, which is made for a writer. A ``shared`` lock of a missing file is none.

    Raises OSError, and LedgerError when others keep it for a minute.
    """
    try:
        lock = os.open(path, os.O_RDONLY) if shared else os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError:
        if not shared:
            raise
        yield
        return
    try:
        kind, until = fcntl.LOCK_SH if shared else fcntl.LOCK_EX, time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(lock, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise LedgerError(
                        f"another process holds {path} for more than {_PATIENCE:.0f} s"
                    ) from None
                time.sleep(_LOOK)
        yield
    finally:
        os.close(lock)
