"""What the checks of a validation say together: the worst verdict, and how the run ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..outcome import DONE, INVALID, NOT_PROVED, outcome
from ..release.text import columns

__all__ = ["ended", "named", "table", "worst"]

# What is declared as not applicable says nothing either way.
_WORST_FIRST = ("fail", "inconclusive", "pass")

Checks = Sequence[Mapping[str, Any]]
"""Each with ``component``, ``check``, ``verdict`` and ``detail``, as the events ``check`` and ``rates`` have them.
``remark``: what is said by the way, and is no part of what the run claims."""


def worst(checks: Iterable[Mapping[str, Any]]) -> str:
    """The verdict of all together. A remark counts for nothing, and nothing that was checked proves nothing."""
    found = {check["verdict"] for check in checks if not check.get("remark")}
    return next((verdict for verdict in _WORST_FIRST if verdict in found), "inconclusive")


def named(checks: Checks, verdict: str) -> list[str]:
    """The checks with this verdict, each with all whom it is of: ``auth-worker, site (latency)``."""
    found: dict[str, list[str]] = {}
    for check in checks:
        if check["verdict"] == verdict:
            found.setdefault(check["check"], []).append(check["component"])
    return [f"{', '.join(components)} ({check})" for check, components in found.items()]


def table(checks: Checks) -> list[str]:
    """The checks as lines of text."""
    rows = [("component", "check", "verdict", "")]
    rows += [
        (check["component"], check["check"], check["verdict"], check.get("detail") or "") for check in checks
    ]
    return columns(rows)


def ended(
    environment: str,
    checks: Checks,
    *,
    so_far: Mapping[str, Any],
    claim: str,
    passed: str = "",
    rolled_back_to: str = "",
    again: str = "",
    details: Sequence[str] = (),
) -> dict[str, Any]:
    """The outcome of a stage that goes on with a validation, by the checks that it added.

    ``so_far`` is the outcome of the stage before. ``claim`` is what a pass proves, in words ("the flows work");
    ``passed`` what it adds to the last line (default: the claim). ``rolled_back_to`` is the release, when this run
    moved the set: then the way on is an older one. ``again`` is the command that repeats the validation.
    """
    lines = [*so_far.get("details", []), *table(checks), *details]
    bad, open_ = named(checks, "fail"), named(checks, "inconclusive")
    where = f"the set is at {rolled_back_to}, but {environment}" if rolled_back_to else environment
    if bad:
        back = f"ansible-playbook rollback.yml -i {environment}"
        return outcome(
            INVALID,
            f"{where}: it does not hold that {claim}: {', '.join(bad)}",
            next_=f"{back} -e release=<an older one>" if rolled_back_to else back,
            details=lines,
        )
    if open_:
        return outcome(
            NOT_PROVED,
            f"{where}: it is neither proved nor disproved that {claim}: {', '.join(open_)}",
            next_=again or f"ansible-playbook validate.yml -i {environment} --tags full",
            details=lines,
        )
    message = f"{so_far.get('message') or environment}; {passed or claim}"
    next_ = so_far.get("next") or f"ansible-playbook status.yml -i {environment}"
    return outcome(DONE, message, next_=next_, details=lines)
