"""No ledger: what is written is known to this process only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .chain import Piece
from .slots import same

__all__ = ["Memory"]


class Memory:
    """See :class:`Backend`. For an environment that keeps no ledger: nothing of a run is left after it."""

    def __init__(self) -> None:
        self._data = b""
        self._slots: dict[str, Mapping[str, Any]] = {}

    def read(self) -> Sequence[Piece]:
        return [Piece("memory", self._data)]

    def append(self, make: Callable[[Sequence[Piece]], bytes]) -> None:
        self._data += make(self.read())

    def slot(self, name: str) -> Mapping[str, Any] | None:
        return self._slots.get(name)

    def swap(self, name: str, expected: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
        if not same(self.slot(name), expected):
            return False
        if new is None:
            self._slots.pop(name, None)
        else:
            self._slots[name] = new
        return True
