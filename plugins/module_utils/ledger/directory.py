"""A ledger in a folder: ``ledger.jsonl``, and one small file for each slot.

An append is whole when its last line is there, so a write that was cut short at any byte is no entry at
all; the next writer cuts its rest off.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .chain import Piece, whole
from .errors import LedgerError
from .flock import flock
from .slots import decoded, encoded, same

__all__ = ["Directory"]

FILE = "ledger.jsonl"
LOCK = "ledger.lock"


class Directory:
    """See :class:`Backend`. Safe between the processes of one machine, and on network disks that lock."""

    def __init__(self, path: str) -> None:
        self._folder = Path(path)
        self._file = self._folder / FILE
        self._lock = self._folder / LOCK

    def read(self) -> Sequence[Piece]:
        with self._told("read"), flock(self._lock, shared=True):
            data = self._data()
        return self._pieces(data)

    def append(self, make: Callable[[Sequence[Piece]], bytes]) -> None:
        with self._writing():
            with self._told("read"):
                data = self._data()
            size = whole(data)
            new = make(self._pieces(data))
            if not new:
                return
            fresh = not self._file.exists()
            file = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o666)
            try:
                os.ftruncate(file, size)
                os.lseek(file, 0, os.SEEK_END)
                self._write(file, new, size)
            finally:
                os.close(file)
            if fresh:
                _sync(self._folder)

    def slot(self, name: str) -> Mapping[str, Any] | None:
        path = self._slot(name)
        with self._told("read"):
            # A slot is only ever replaced by a rename, so that it is whole without the lock.
            return decoded(path.read_bytes() if path.exists() else None, str(path))

    def swap(self, name: str, expected: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
        path = self._slot(name)
        with self._writing():
            if not same(self.slot(name), expected):
                return False
            if new is None:
                path.unlink(missing_ok=True)
            else:
                beside = path.with_suffix(".new")
                file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
                try:
                    self._write(file, encoded(new), 0)
                finally:
                    os.close(file)
                beside.replace(path)
            _sync(self._folder)
            return True

    def _data(self) -> bytes:
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            return b""

    def _pieces(self, data: bytes) -> Sequence[Piece]:
        return [Piece(str(self._file), data[: whole(data)])] if data else []

    def _slot(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._told("written"):
            self._folder.mkdir(parents=True, exist_ok=True)
            with flock(self._lock):
                yield

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            # The place is named once, also when the error is about a file below it.
            why = f"{error.strerror or error}"
            raise LedgerError(f"the ledger in {self._folder} cannot be {what}: {why}") from None

    @staticmethod
    def _write(file: int, data: bytes, size: int) -> None:
        """Write and make it last; after an error nothing of it stays."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]
            os.fsync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, size)
            raise


def _sync(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
