"""What the jobs of a pipeline mean for what it deployed (S19-S22)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..outcome import INVALID, REFUSED
from .sarif import Finding

__all__ = ["NotAResult", "Said", "changed", "said", "served"]

# As GitHub and GitLab call how a job ended, beside exit codes.
_WORDS = {
    "success": "passed",
    "failure": "failed",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
    "skipped": "skipped",
    "": "skipped",
}

_ID = re.compile(r"[\w.-]+")


class NotAResult(Exception):
    """What a job is said to have ended with is neither an exit code nor a word for it."""


@dataclass(frozen=True, slots=True)
class Said:
    """``trigger`` is ``None`` where nothing asks for a rollback; ``proved`` is whether that is because all is well."""

    trigger: str | None
    reason: str
    proved: bool = True


def said(*, deploy: str, health: str, performance: str, findings: Sequence[Finding] = ()) -> Said:
    """What made the pipeline fail, the most urgent first.

    Each job is an exit code or a word; of ``health`` and ``performance`` it is that of ``validate.yml``. Raises
    :class:`NotAResult`.
    """
    deployed = _deployed(deploy)
    if deployed == "skipped":
        return Said(None, "nothing was deployed")
    if findings:
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        return Said("security", f"the security gate failed: {findings[0]}{more}")
    if deployed != "passed":
        how = f" ({deploy})" if deploy.isdigit() else ""
        return Said("deploy", f"the deploy {'was cancelled' if deployed == 'cancelled' else f'failed{how}'}")
    unknown = ""
    for trigger, result, what in (
        ("health", health, "the health check after the deploy"),
        ("performance", performance, "the check of error rate and latency after the deploy"),
    ):
        checked = _checked(trigger, result)
        if checked == "failed":
            return Said(trigger, f"{what} failed")
        if checked not in ("passed", "skipped"):
            unknown = unknown or f"{what} says nothing: it ended with {result}"
    return Said(None, unknown or "the deploy and all checks passed", proved=not unknown)


def _deployed(result: str) -> str:
    if result == str(REFUSED):
        # Of ``knowngood lock``, which then did not begin it.
        return "skipped"
    return _word("deploy", result, lambda code: "passed" if code == 0 else "failed")


def _checked(name: str, result: str) -> str:
    # A check that could not be made, or that did not see enough, is no reason to take a release away.
    return _word(name, result, lambda code: {0: "passed", INVALID: "failed"}.get(code, "unknown"))


def _word(name: str, result: str, of_code: Any) -> str:
    if result.isdigit():
        return str(of_code(int(result)))
    try:
        return _WORDS[result]
    except KeyError:
        words = ", ".join(word for word in _WORDS if word)
        raise NotAResult(
            f"--{name} is {result!r}, which is neither an exit code nor one of {words}"
        ) from None


def served(status: Mapping[str, Any]) -> dict[str, list[str]]:
    """The versions that serve, by component, of what ``status.yml`` found.

    Raises KeyError, TypeError and, for something that is no name or id, ValueError.
    """
    found = {
        row["component"]: sorted(share["version"] for share in row["serving"]) for row in status["components"]
    }
    for word in (word for name, versions in found.items() for word in (name, *versions)):
        if not _ID.fullmatch(word):
            raise ValueError(f"{word!r} is neither a component nor a version")
    return found


def changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Components whose versions, and databases whose newest migration, are others than before."""
    was, is_ = served(before), served(now)
    names = [name for name in is_ if is_[name] != was.get(name)]
    levels = {row["name"]: row["level"] for row in before["databases"]}
    return names + [row["name"] for row in now["databases"] if row["level"] != levels.get(row["name"])]
