"""The ledger of an environment: what was released, what is known of it, and what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from .backend import Backend
from .chain import Piece, entries, heads
from .entry import KINDS, Entry, parse, unparse
from .errors import Damaged
from .view import View

__all__ = ["Ledger"]

New = tuple[str, Mapping[str, Any]]


class Ledger:
    """Append-only and hash-chained, whatever keeps it. ``by`` is who writes. Raises :class:`LedgerError`."""

    def __init__(self, backend: Backend, *, by: str) -> None:
        self.by = by
        self._backend = backend

    def entries(self) -> list[Entry]:
        """All entries, oldest first. Raises :class:`Damaged` when one is not what was written."""
        return entries(self._backend.read())

    def view(self) -> View:
        """What the entries mean."""
        return View(self.entries())

    def append(self, *new: New, unless: Callable[[View], bool] | None = None) -> list[Entry]:
        """Write entries, given as kind and body: all of them or none.

        ``unless`` is asked with the newest view, which nobody changes before the write (KV excepted):
        true means that nothing is to be written, and nothing is returned.
        """
        if unknown := [kind for kind, _ in new if kind not in KINDS]:
            raise ValueError(f"a ledger has no entries of the kind {unknown[0]!r}")
        written: list[Entry] = []

        def make(pieces: Sequence[Piece]) -> bytes:
            known = entries(pieces)
            if written and any(entry.hash == written[-1].hash for entry in known):
                # The answer to an earlier try was lost, not the write.
                return b""
            written.clear()
            if unless is not None and unless(View(known)):
                return b""
            lines, made = self._made(new, known)
            # What could not be read again must not be written.
            View([*known, *made])
            written.extend(made)
            return b"".join(line + b"\n" for line in lines)

        self._backend.append(make)
        return written

    def verify(self, head: str | None = None) -> str:
        """Check every entry; the hash to note elsewhere, which stands for all that was written so far.

        The content of the newest entry is vouched for by nothing that comes after it, and an end that was
        cut off leaves a shorter chain that is whole: only an earlier ``head``, noted elsewhere, shows both.
        """
        known = self.entries()
        found = {entry.hash for entry in known}
        for noted in head.split("+") if head else ():
            if noted not in found:
                raise Damaged(
                    f"the ledger has no entry with the noted hash {noted}: that entry or one before it was "
                    f"changed, or the end was cut off (it now has {len(known)} entries)"
                )
        return "+".join(heads(known))

    def slot(self, name: str) -> Mapping[str, Any] | None:
        """A small value that can change, beside the entries; ``None`` when it is not set."""
        return self._backend.slot(name)

    def swap(self, name: str, expected: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> bool:
        """Compare and set a slot; false when it does not have the expected value (any more)."""
        return self._backend.swap(name, expected, new)

    def _made(self, new: Sequence[New], known: Sequence[Entry]) -> tuple[list[bytes], list[Entry]]:
        parents, now = heads(known), datetime.now(UTC)
        lines: list[bytes] = []
        made: list[Entry] = []
        for more, (kind, body) in zip(range(len(new) - 1, -1, -1), new, strict=True):
            line = unparse(kind, now, self.by, body, parents, more)
            lines.append(line)
            made.append(parse(line, "").entry(len(known) + len(made) + 1))
            parents = (made[-1].hash,)
        return lines, made
