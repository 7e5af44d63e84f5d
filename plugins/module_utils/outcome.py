"""How a run can end, and the exit code of each end (docs/exit-codes.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "CANCELLED",
    "CHANGES",
    "CHANGING",
    "DECLINED",
    "DONE",
    "DRILL_ABORTED",
    "DRILL_FAILED",
    "DRILL_OVERDUE",
    "FAILED",
    "INVALID",
    "NOT_PROVED",
    "PARTIAL",
    "REFUSED",
    "RESTORED",
    "ending",
    "outcome",
]

# Ansible itself uses 1 to 8, 99 and 250.
DONE = 0
REFUSED = 10
PARTIAL = 11
FAILED = 12
INVALID = 13
RESTORED = 14
DECLINED = 15
NOT_PROVED = 16
CANCELLED = 17
# Of a drill.
DRILL_FAILED = 20
DRILL_ABORTED = 21
DRILL_OVERDUE = 22

# The actions after whose start something may have changed.
CHANGING = (
    "database_move",
    "database_undo",
    "cloudflare_switch",
    "dns_records",
    "maintenance_page",
)
# The events after which something has changed, or may have.
CHANGES = (
    "database.moved",
    "database.rewind",
    "database.undo",
    "dns.changed",
    "dns.failed",
    "drill.fault",
    "migration.start",
    "postgres.swap.start",
    "put_back",
    "route",
    "switch.start",
)

_VERDICTS = {
    DONE: "DONE",
    REFUSED: "REFUSED",
    PARTIAL: "FAILED",
    FAILED: "FAILED",
    INVALID: "VALIDATION FAILED",
    RESTORED: "NOT ROLLED BACK",
    DECLINED: "NO ROLLBACK",
    NOT_PROVED: "NOT PROVED",
    CANCELLED: "CANCELLED",
    DRILL_FAILED: "DRILL FAILED",
    DRILL_ABORTED: "DRILL ABORTED",
    DRILL_OVERDUE: "DRILL OVERDUE",
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


def ending(result: Mapping[str, Any], *, failed: bool, switching: bool) -> dict[str, Any] | None:
    """The end that a task's result tells of, or ``None`` when the run goes on.

    A failure that none of our modules reported (the inventory, Ansible itself) is a refusal as long
    as nothing was switched.
    """
    told = result.get("outcome")
    if isinstance(told, dict) and "exit_code" in told:
        return told
    if not failed:
        return None
    lines = [line for line in str(result.get("msg") or "a task failed").splitlines() if line.strip()]
    if switching:
        return outcome(
            FAILED,
            "the run broke off while it was switching",
            next_="give the same command again",
            details=lines,
        )
    return outcome(
        REFUSED, "nothing was changed", next_="put right what is said above, then run again", details=lines
    )
