"""The state directory: everything of one local Cloudflare is inside it, and only one server may use it."""

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import IO, Any

LOCK = "local_cloudflare.lock"
LOG = "server.log"
READY = "ready.json"


class StateError(Exception):
    """The directory cannot be used; the message says why and what to do."""


class StateDir:
    """Holds the directory's lock for as long as the process lives. Raises StateError."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        if self.path.exists() and not self.path.is_dir():
            raise StateError(f"{path} is not a directory")
        # The lock file marks the directory as ours, so that a reset cannot wipe a stranger's files.
        ours = (self.path / LOCK).exists()
        if not ours and self.path.is_dir() and any(e.name != LOG for e in self.path.iterdir()):
            raise StateError(f"{path} is not empty and not a state directory of local_cloudflare")
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: IO[str] = (self.path / LOCK).open("a+")
        except OSError as error:
            raise StateError(f"{path} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "unknown"
            self._lock.close()
            raise StateError(f"{path} is in use by another local_cloudflare (process {owner})") from None
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        (self.path / READY).unlink(missing_ok=True)

    def announce(self, ready: dict[str, Any]) -> None:
        """Writes ready.json in one step."""
        draft = self.path / f".{READY}"
        draft.write_text(json.dumps(ready, indent=2) + "\n")
        draft.chmod(0o600)
        draft.rename(self.path / READY)

    def withdraw(self) -> None:
        """Removes ready.json."""
        (self.path / READY).unlink(missing_ok=True)

    def wipe(self) -> None:
        """Deletes everything but the lock."""
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()

    def close(self) -> None:
        self._lock.close()
