"""The journal of a run: an append-only file of events, one JSON object a line.

Every event has ``seq`` (from 1), ``run``, ``time`` (UTC, ISO 8601 with milliseconds), ``elapsed``
(seconds since the run began, from the monotonic clock) and ``event``. Progress, timeline and report
are read from it. The clock origin is kept in the first line, so that several processes of one run
write one time-line (``CLOCK_MONOTONIC`` is one clock for the whole machine).
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .redact import Redactor

__all__ = ["Journal", "new_run_id", "read"]

FILE = "journal.jsonl"


def new_run_id() -> str:
    """A name that sorts by time and needs no server to be unique: ``20261124T213000Z-4f1c9a``."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a journal, oldest first. A last line that a kill cut short is left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


class Journal:
    """Writes events. Safe to use from several threads of one process.

    A journal that cannot be written never holds up a rollback: ``trouble`` then says why, and the
    run goes on.
    """

    def __init__(self, runs: Path, run: str, redactor: Redactor) -> None:
        self.run = run
        self.path = runs / run / FILE
        self.trouble: str | None = None
        self._redactor = redactor
        self._lock = threading.Lock()
        self._file: int | None = None
        self._seq = 0
        self._origin = time.monotonic()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists():
                self._resume()
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except (OSError, ValueError, KeyError) as error:
            self.trouble = f"the journal {self.path} cannot be written: {error}"

    def _resume(self) -> None:
        for event in read(self.path):
            self._seq = event["seq"]
            self._origin = event.get("monotonic", self._origin)
        torn = self.path.read_bytes()
        if torn and not torn.endswith(b"\n"):
            # A kill in the middle of a line must not spoil the next one.
            with self.path.open("ab") as file:
                file.truncate(torn.rfind(b"\n") + 1)

    def write(self, event: str, **fields: Any) -> None:
        """Append one event. ``None`` values are left out, secrets are taken out."""
        with self._lock:
            self._seq += 1
            now = time.monotonic()
            record: dict[str, Any] = {
                "seq": self._seq,
                "run": self.run,
                "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "elapsed": round(now - self._origin, 4),
                "event": event,
            }
            if self._seq == 1:
                record["monotonic"] = self._origin
            record.update(self._redactor({key: value for key, value in fields.items() if value is not None}))
            if self._file is not None:
                try:
                    os.write(
                        self._file, (json.dumps(record, ensure_ascii=False, default=str) + "\n").encode()
                    )
                except OSError as error:
                    self.trouble = f"the journal {self.path} cannot be written: {error}"

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
