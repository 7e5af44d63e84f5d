"""Which process a number means, so that it is known when the one that took a lock has ended."""

from __future__ import annotations

from pathlib import Path

__all__ = ["birth", "has_ended", "lives"]

_PROC = Path("/proc")


def birth(pid: int) -> str:
    """When and where a process started: boot, namespace of process numbers, and tick of the clock.

    Containers can share host name and process numbers; these three together mean one process. Empty when no
    such process runs here, or the system has no ``/proc``.
    """
    place = _place()
    try:
        # The name, in parentheses, may hold anything; after it come the state and, as the 22nd field, the start.
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # Z and X: it has ended, and its parent has not asked for the result yet.
    return f"{place}:{fields[19]}" if place and fields[0] not in "ZX" else ""


def has_ended(pid: int, born: str) -> bool:
    """Whether a process is known to have ended; false for one that cannot be looked at from here."""
    place = _place()
    return bool(place) and born.rpartition(":")[0] == place and birth(pid) != born


def lives(pid: int, born: str) -> bool:
    """Whether a process is known to live; false for one that cannot be looked at from here."""
    return bool(born) and birth(pid) == born


def _place() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""
