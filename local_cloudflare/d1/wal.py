"""Reads SQLite's write-ahead log: which pages transactions changed (SQLite file format, section 4)."""

import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct(">IIII8sII")
_FRAME = struct.Struct(">II8sII")


@dataclass(frozen=True)
class Position:
    """How far a log has been read: the salt that its header has until it starts over, and frames."""

    salt: bytes
    frames: int


@dataclass(frozen=True)
class Changes:
    """What was committed after a position: page images by page number, and the size of the database."""

    pages: dict[int, bytes]
    page_count: int
    position: Position


def committed(log: Path, after: Position) -> Changes | None:
    """The committed changes in `log` that come after `after`; None when there are none.

    Checksums are not verified: only a power cut could tear a frame, and that is survived by nobody here.
    A frame of a transaction that was rolled back is never followed by its commit, so it is left out.
    """
    try:
        raw = log.read_bytes()
    except FileNotFoundError:
        return None
    if len(raw) < _HEADER.size:
        return None
    page_size, salt = _HEADER.unpack_from(raw)[2], _HEADER.unpack_from(raw)[4]
    step = _FRAME.size + page_size
    done = after.frames if after.salt == salt else 0
    open_pages: dict[int, bytes] = {}
    pages: dict[int, bytes] = {}
    page_count, frames = 0, done
    for index in range(done, (len(raw) - _HEADER.size) // step):
        offset = _HEADER.size + index * step
        number, size_after, frame_salt, _, _ = _FRAME.unpack_from(raw, offset)
        if frame_salt != salt:
            break
        open_pages[number] = raw[offset + _FRAME.size : offset + step]
        if size_after:
            pages |= open_pages
            open_pages.clear()
            page_count, frames = size_after, index + 1
    return Changes(pages, page_count, Position(salt, frames)) if page_count else None
