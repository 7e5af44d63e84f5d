"""One entry of a ledger, and its line.

An entry is one JSON line. Its hash is the SHA-256 of the bytes of that line without the newline, so it is
checked on what is stored, and never on JSON that was written anew. A line names the hashes of the newest
entries that its writer saw (``parents``). ``more`` says how many lines of the same append follow: an append
is whole when its line without ``more`` is there.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["KINDS", "Entry", "Line", "parse", "unparse"]

KINDS = (
    "release", "config", "evidence", "condemned", "cleared", "goal", "end", "frozen", "unfrozen", "lock_broken", "held",
    "maintenance",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """``time`` is the writer's clock, in UTC. ``seq`` is the place in the order, from 1."""

    kind: str
    time: datetime
    by: str
    body: Mapping[str, Any]
    hash: str
    parents: tuple[str, ...]
    seq: int


@dataclass(frozen=True, slots=True)
class Line:
    """An entry whose place is not known yet. ``where`` tells a person where the line is."""

    kind: str
    time: datetime
    by: str
    body: Mapping[str, Any]
    hash: str
    parents: tuple[str, ...]
    more: int
    where: str

    def entry(self, seq: int) -> Entry:
        return Entry(self.kind, self.time, self.by, self.body, self.hash, self.parents, seq)


def parse(raw: bytes, where: str) -> Line:
    """Read a line (without its newline). Raises ValueError with what is wrong."""
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is not JSON") from error
    try:
        line = Line(
            told["kind"],
            datetime.fromisoformat(told["time"]),
            told["by"],
            told["body"],
            hashlib.sha256(raw).hexdigest(),
            tuple(told["parents"]),
            told.get("more", 0),
            where,
        )
        well_formed = (
            isinstance(line.kind, str)
            and isinstance(line.by, str)
            and isinstance(line.body, dict)
            and all(isinstance(parent, str) for parent in line.parents)
            and type(line.more) is int
            and line.more >= 0
            and line.time.tzinfo is not None
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        well_formed = False
    if not well_formed:
        raise ValueError("it is not an entry of a ledger")
    if isinstance(versions := line.body.get("versions"), dict):
        # Each line has its own copy of the names of hundreds of components, until they are made one.
        told["body"]["versions"] = {sys.intern(name): version for name, version in versions.items()}
    return line


def unparse(
    kind: str, time: datetime, by: str, body: Mapping[str, Any], parents: Sequence[str], more: int
) -> bytes:
    """The line of a new entry, without its newline."""
    told: dict[str, Any] = {
        "kind": kind,
        "time": time.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "by": by,
        "parents": list(parents),
    }
    if more:
        told["more"] = more
    told["body"] = dict(body)
    # Half a surrogate pair (a name that is not UTF-8) has no bytes, but a JSON escape, which is what this makes of it.
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace")
