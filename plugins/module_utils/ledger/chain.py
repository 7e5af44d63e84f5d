"""From what is stored to entries in order, with every hash checked."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from .entry import Entry, Line, parse
from .errors import Damaged

__all__ = ["Damaged", "Missing", "Piece", "entries", "heads", "whole"]


class Missing(Damaged):
    """An entry names one before it that is not there, which can also mean that it is not there yet."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines that one place holds in the order in which they were written; ``where`` is the path or the key."""

    where: str
    data: bytes


def entries(pieces: Iterable[Piece]) -> list[Entry]:
    """All entries, every one after its parents; concurrent ones by time, then by hash.

    The same entries give the same order, wherever they are read. Raises :class:`Damaged`.
    """
    lines: dict[str, Line] = {}
    for piece in pieces:
        lines.update((line.hash, line) for line in _read(piece))
    waiting: dict[str, int] = {}
    children: dict[str, list[Line]] = {}
    ready: list[tuple[datetime, str]] = []
    for line in lines.values():
        for parent in line.parents:
            if parent not in lines:
                raise Missing(
                    f"the ledger is damaged at {line.where}: the entry before it ({parent[:12]}) is not there, or "
                    "was changed"
                )
            children.setdefault(parent, []).append(line)
        waiting[line.hash] = len(line.parents)
        if not line.parents:
            ready.append((line.time, line.hash))
    heapq.heapify(ready)
    ordered: list[Entry] = []
    while ready:
        line = lines[heapq.heappop(ready)[1]]
        ordered.append(line.entry(len(ordered) + 1))
        for child in children.get(line.hash, ()):
            waiting[child.hash] -= 1
            if not waiting[child.hash]:
                heapq.heappush(ready, (child.time, child.hash))
    return ordered


def heads(ordered: Sequence[Entry]) -> tuple[str, ...]:
    """The hashes of the entries that nothing comes after: what the next entry has as parents."""
    parents = {parent for entry in ordered for parent in entry.parents}
    return tuple(entry.hash for entry in ordered if entry.hash not in parents)


def whole(data: bytes) -> int:
    """How many bytes at the beginning of a file are whole appends; the rest is what a kill left of one."""
    end = data.rfind(b"\n") + 1
    while end:
        start = data.rfind(b"\n", 0, end - 1) + 1
        try:
            more = parse(data[start : end - 1], "").more
        except ValueError:
            # A kill leaves no line that ends but is no entry: let the check of the chain name it.
            return end
        if not more:
            return end
        end = start
    return 0


def _read(piece: Piece) -> list[Line]:
    """The lines of one place. Within it, each line is the only child of the one before it."""
    lines: list[Line] = []
    for raw in _split(piece.data):
        where = f"{piece.where}, line {len(lines) + 1}"
        try:
            lines.append(parse(raw, where))
        except ValueError as error:
            raise _damaged(where, str(error)) from None
    for before, line in pairwise(lines):
        if line.parents != (before.hash,):
            raise _unlinked(lines, lines.index(line))
        if before.more and line.more != before.more - 1:
            raise _damaged(
                line.where, f"{before.more} entries that were written with the one before should follow it"
            )
    if lines and lines[-1].more:
        raise _damaged(
            lines[-1].where, f"{lines[-1].more} entries that were written together with it are missing"
        )
    return lines


def _split(data: bytes) -> Iterator[bytes]:
    """One line at a time: ``split`` would hold all of a large ledger twice."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        yield data[start:end]
        start = end + 1


def _unlinked(lines: Sequence[Line], place: int) -> Damaged:
    """The error for a line that does not follow the one before it: either of the two may be the changed one."""
    before, line = lines[place - 1], lines[place]
    if place + 1 < len(lines):
        vouched = lines[place + 1].parents == (line.hash,)
        where = before.where if vouched else line.where
    else:
        where = f"{before.where} or {place + 1}"
    return _damaged(
        where, "the hashes do not fit: it was changed, or a line beside it was added or taken away"
    )


def _damaged(where: str, why: str) -> Damaged:
    return Damaged(f"the ledger is damaged at {where}: {why}")
