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


def additive(reason: str) -> Verdict:
    return Verdict(Kind.ADDITIVE, reason)


def reversible(reason: str) -> Verdict:
    return Verdict(Kind.REVERSIBLE, reason)


def lost_up(reason: str) -> Verdict:
    """Running the statement has lost data."""
    return Verdict(Kind.LOSSY, f"lost on the way up: {reason}", "up")


def lost_down(reason: str) -> Verdict:
    """Undoing the statement loses data."""
    return Verdict(Kind.LOSSY, f"lost on the way down: {reason}", "down")


def unknown(reason: str) -> Verdict:
    return Verdict(Kind.IRREVERSIBLE, reason)


def shorten(statement: str, width: int = 120) -> str:
    """A statement on one line."""
    line = " ".join(statement.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"
