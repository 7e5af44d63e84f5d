"""The journal of a run: an append-only file of events, one JSON object a line.

Every event has ``seq`` (from 1), ``run``, ``time`` (UTC, ISO 8601 with milliseconds), ``elapsed``
(seconds since the run began, from the monotonic clock), ``event``, and ``prev``: the SHA-256 of the
line before it, newline included, so that no record can be changed, taken out or put in unseen
(``report/seal.py`` checks it). Progress, timeline and report are read from it. The clock origin is kept
in the first line, so that several processes of one run write one time-line (``CLOCK_MONOTONIC`` is one
clock for the whole machine).
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from .redact import Redactor

__all__ = [
    "CLOSED",
    "FILE",
    "FIRST",
    "Journal",
    "Tail",
    "last_outcome",
    "name_run",
    "new_run_id",
    "read",
    "runs_folder",
]

FILE = "journal.jsonl"
CLOSED = "run.closed"
# What the first record carries instead of the hash of the one before it.
FIRST = "0" * 64


def new_run_id() -> str:
    """A name that sorts by time and needs no server to be unique: ``20261124T213000Z-4f1c9a``."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def name_run() -> str:
    """The name of the run that this process, ``ansible-playbook``, is; chosen when it is first asked for.

    It is in the environment, where the inventory looks for it, and so is the number of this process, for
    modules that run in processes of their own.
    """
    os.environ["KNOWNGOOD_COMMAND"] = str(os.getpid())
    return os.environ.setdefault("KNOWNGOOD_RUN", new_run_id())


def runs_folder(root: Path) -> Path:
    """The folder that holds a folder for every run, as the inventory has it; ``root`` is that of ``ansible.cfg``."""
    return Path(os.environ.get("KNOWNGOOD_RUNS") or root / ".runs")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a journal, oldest first. A last line that a kill cut short is left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def last_outcome(path: Path) -> dict[str, Any] | None:
    """The newest ``outcome`` of a journal; ``None`` while there is none."""
    return next((event for event in reversed(list(read(path))) if event["event"] == "outcome"), None)


class Tail:
    """Follows a journal while it is written, from its first event."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def more(self) -> list[dict[str, Any]]:
        """The events that came since this was last asked; a line that is half written comes next time."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


class Journal:
    """Writes events. Safe to use from several threads, and from several processes of one run.

    A journal that cannot be written never holds up a rollback: ``trouble`` then says why, the run
    goes on, and the next record that can be written says in ``lost`` how many before it could not.
    """

    def __init__(self, runs: Path, run: str, redactor: Redactor) -> None:
        self.run = run
        self.path = runs / run / FILE
        self.trouble: str | None = None
        self._redactor = redactor
        self._lock = threading.Lock()
        self._file: int | None = None
        self._seq = self._size = self._lost = 0
        self._head = FIRST
        self._origin = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            with self._alone():
                self._catch_up()
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._file = None
            self._tell(error)

    def write(self, event: str, **fields: Any) -> None:
        """Append one event. ``None`` values are left out, secrets are taken out."""
        self._write(event, fields, None)

    def close(self, sign: Callable[[bytes], str], **fields: Any) -> None:
        """Append ``run.closed``, with the ``signature`` that ``sign`` makes of the record without it, as bytes.

        The record ends with it: what was signed is the line up to there, closed with a brace.
        """
        self._write(CLOSED, fields, sign)

    def leave(self) -> None:
        """Write nothing more from this process, whatever its threads may still be at."""
        with self._lock:
            self._file = None

    def _write(self, event: str, fields: dict[str, Any], sign: Callable[[bytes], str] | None) -> None:
        fields = self._redactor({key: value for key, value in fields.items() if value is not None})
        with self._lock:
            if self._file is None:
                return
            try:
                with self._alone():
                    self._catch_up()
                    record = self._record(event, fields, sealing=sign is not None)
                    # A lone surrogate has no UTF-8, but its escape is JSON.
                    line = json.dumps(record, ensure_ascii=False, default=str).encode(
                        errors="backslashreplace"
                    )
                    if sign is not None:
                        line = line[:-1] + f', "signature": "{sign(line)}"}}'.encode()
                    self._append(line + b"\n")
                self._lost = 0
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._lost += 1
                self._tell(error)

    def _record(self, event: str, fields: dict[str, Any], *, sealing: bool) -> dict[str, Any]:
        now = time.monotonic()
        record: dict[str, Any] = {
            "seq": self._seq + 1,
            "run": self.run,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "elapsed": round(now - self._origin, 4),
            "event": event,
        }
        if self._seq == 0:
            record["monotonic"] = self._origin
        record.update(fields)
        if self._lost:
            record["lost"] = self._lost
        if sealing:
            record["head"] = self._head
        record["prev"] = self._head
        return record

    def _append(self, line: bytes) -> None:
        assert self._file is not None
        if os.write(self._file, line) != len(line):
            # Half a line must not spoil the next one.
            os.ftruncate(self._file, self._size)
            raise OSError("the disk took only half of a line")
        self._seq += 1
        self._size += len(line)
        self._head = sha256(line).hexdigest()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process writes meanwhile. Where the file system knows no locks, the run has one writer anyway."""
        assert self._file is not None
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Take in what other processes of the run wrote, and cut off a line that a kill tore."""
        assert self._file is not None
        size = os.fstat(self._file).st_size
        if size == self._size:
            return
        if size < self._size:
            # Somebody cut it. What follows fits what is left, and what is gone shows at the next close.
            self._seq, self._size, self._head = 0, 0, FIRST
        text = os.pread(self._file, size - self._size, self._size)
        whole = text.rfind(b"\n") + 1
        if whole < len(text):
            os.ftruncate(self._file, self._size + whole)
        if not whole:
            return
        lines = text[: whole - 1].split(b"\n")
        if self._seq == 0:
            self._origin = json.loads(lines[0]).get("monotonic", self._origin)
        self._seq = json.loads(lines[-1])["seq"]
        self._size += whole
        self._head = sha256(lines[-1] + b"\n").hexdigest()

    def _tell(self, error: Exception) -> None:
        self.trouble = f"the journal {self.path} cannot be written: {error}"

    @property
    def head(self) -> tuple[int, str]:
        """How many records there are, whoever wrote them, and the hash of the last one: it stands for all of them."""
        with self._lock:
            if self._file is not None:
                with suppress(OSError, ValueError, KeyError, TypeError), self._alone():
                    self._catch_up()
            return self._seq, self._head

    @property
    def elapsed(self) -> float:
        """Seconds since the run began, whichever process began it."""
        return time.monotonic() - self._origin

    @contextmanager
    def stage(self, name: str, **fields: Any) -> Iterator[None]:
        """Events ``stage.start`` and ``stage.end`` around a stage; ``ok`` is false when it raised."""
        began = time.monotonic()
        self.write("stage.start", stage=name, **fields)
        ok = False
        try:
            yield
            ok = True
        finally:
            self.write("stage.end", stage=name, ok=ok, seconds=round(time.monotonic() - began, 4))
