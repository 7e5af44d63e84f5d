"""How a run can end, and the exit code of each end (docs/exit-codes.md)."""

from __future__ import annotations

from typing import Any

__all__ = ["DONE", "FAILED", "INVALID", "PARTIAL", "REFUSED", "outcome"]

# Ansible itself uses 1 to 8, 99 and 250.
DONE = 0
REFUSED = 10
PARTIAL = 11
FAILED = 12
INVALID = 13

_VERDICTS = {
    DONE: "DONE",
    REFUSED: "REFUSED",
    PARTIAL: "FAILED",
    FAILED: "FAILED",
    INVALID: "VALIDATION FAILED",
}


def outcome(exit_code: int, message: str, *, next_: str, details: list[str] | None = None) -> dict[str, Any]:
    """The end of a run: what happened in one sentence, what to do next, and the lines in between."""
    return {
        "exit_code": exit_code,
        "verdict": _VERDICTS[exit_code],
        "message": message,
        "next": next_,
        "details": details or [],
    }
