"""What flows have left in an environment: what has to be cleaned up, and what is kept for the time after a rollback.

A file for each, readable by its owner alone, because it holds the values that the cleanup needs. It is written
before the first request that creates something, so that a run which is killed leaves it to the next one.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

__all__ = ["Left", "LeftThings"]

FOLDER = ".flows"
_IN_USE = "in-use"


@dataclass(frozen=True, slots=True)
class Left:
    """One of them. ``made`` and ``lasts`` are seconds (since 1970, and long); ``kept`` is true after ``before``.

    ``awaited`` are the values that the answer to the request under way is to give. ``account`` is the one at Cloudflare
    in which it was made.
    """

    flow: str
    component: str
    run: str
    cleanup: list[Mapping[str, Any]]
    values: Mapping[str, Any]
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    made: float = field(default_factory=time.time)
    lasts: float = 0
    database: str = ""
    kept: bool = False
    awaited: list[str] = field(default_factory=list)
    # Empty: from before it was noted.
    account: str = ""

    @property
    def over(self) -> bool:
        """Whether it is too old to be used."""
        return time.time() > self.made + self.lasts


class LeftThings:
    """Those of one environment, in a folder beside its runs.

    An environment that was made anew, in another ``account``, has none of what is left of the one before: that is
    neither used nor cleaned up there. Without an account everything counts.
    """

    def __init__(self, runs: Path, environment: str, account: str = "") -> None:
        self.folder = runs / FOLDER / environment
        self._account = account

    @contextmanager
    def used(self) -> Iterator[list[Left]]:
        """While flows are tried; gives what runs that are gone have left to clean up.

        Who is first knows that nobody else tries flows, so whatever is not kept was abandoned. Raises OSError.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.folder / _IN_USE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            abandoned: list[Left] = []
            # Somebody else is there, or the file system knows no locks.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                abandoned = [left for left in self._all() if not left.kept]
            # From exclusive to shared: the next one can come in, and takes nothing for abandoned as long as we work.
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_SH)
            yield abandoned
        finally:
            os.close(lock)

    def kept(self) -> list[Left]:
        """What can be used after a rollback, the newest first."""
        return sorted((left for left in self._all() if left.kept), key=lambda left: left.made, reverse=True)

    def write(self, left: Left) -> None:
        """Write it down, or write it anew. Raises OSError."""
        half = self.folder / f".{left.id}.half"
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(replace(left, account=left.account or self._account)), file)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._path(left))

    def keep(self, left: Left) -> Left:
        """From now on it is not to be cleaned up, but to be used. Raises OSError."""
        kept = replace(left, kept=True, made=time.time())
        self.write(kept)
        return kept

    def forget(self, left: Left) -> None:
        """It is cleaned up."""
        self._path(left).unlink(missing_ok=True)

    def _path(self, left: Left) -> Path:
        return self.folder / f"{left.flow}-{left.id}.json"

    def _all(self) -> Iterator[Left]:
        for path in sorted(self.folder.glob("*.json")):
            # Another run may just have cleaned it up.
            with suppress(OSError, ValueError, TypeError):
                left = Left(**json.loads(path.read_text()))
                if not self._account or left.account in ("", self._account):
                    yield left
