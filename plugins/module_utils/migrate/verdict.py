"""What one rule says about one statement, before it is given its place in a file."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Kind

__all__ = ["Verdict", "additive", "lost_down", "lost_up", "reversible", "shorten", "unknown"]


@dataclass(frozen=True)
class Verdict:
    """``loses`` as in ``Finding``."""

    kind: Kind
    reason: str
    loses: str = ""
    table: str = ""
    column: str = ""


def additive(reason: str) -> Verdict:
    return Verdict(Kind.ADDITIVE, reason)


def reversible(reason: str) -> Verdict:
    return Verdict(Kind.REVERSIBLE, reason)


def lost_up(reason: str, *, table: str = "", column: str = "") -> Verdict:
    """Running the statement has lost data."""
    return Verdict(Kind.LOSSY, f"lost on the way up: {reason}", "up", _quoted(table), _quoted(column))


def lost_down(reason: str, *, table: str = "", column: str = "") -> Verdict:
    """Undoing the statement loses data."""
    return Verdict(Kind.LOSSY, f"lost on the way down: {reason}", "down", _quoted(table), _quoted(column))


def _quoted(name: str) -> str:
    """A name, with its schema or without, as SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split(".")) if name else ""


def unknown(reason: str) -> Verdict:
    return Verdict(Kind.IRREVERSIBLE, reason)


def shorten(statement: str, width: int = 120) -> str:
    """A statement on one line."""
    line = " ".join(statement.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
