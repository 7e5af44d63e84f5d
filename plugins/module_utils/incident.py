"""What a run says of its incident when it opens it, before anything else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

__all__ = ["SEVERITIES", "SEVERITY_BY_TRIGGER", "TRIGGERS", "NotATime", "opened"]

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW")
# Nobody types a rollback of production for less than CRITICAL. A deploy that failed has not reached everybody yet; a
# slow page and errors in logs need not hit everybody.
SEVERITY_BY_TRIGGER = {
    "person": "CRITICAL",
    "deploy": "HIGH",
    "health": "CRITICAL",
    "performance": "HIGH",
    "errors": "HIGH",
    "database": "CRITICAL",
    "payments": "CRITICAL",
    "security": "CRITICAL",
    "drill": "LOW",
}
# What may be said of a run (S19-S27); that it is a drill is said apart.
TRIGGERS = tuple(name for name in SEVERITY_BY_TRIGGER if name != "drill")


class NotATime(Exception):
    """``detected`` is not a time."""


def opened(
    run: str,
    *,
    incident: str,
    severity: str,
    trigger: str,
    detected: str,
    reason: str,
    operator: str,
    automatic: bool,
    drill: bool,
    detected_by: str = "",
    evidence: str = "",
    scribe: str = "",
) -> dict[str, Any]:
    """The fields of the event ``incident.opened``.

    Without an id of its own the incident has that of its first run, which sorts by time and needs no server
    to be unique (S71). ``detected`` is ISO 8601, in UTC where it says nothing else; empty when nobody
    noted it, and ``detected_by`` says who or what did. ``evidence`` is what showed it: a link to an alert, a line
    of a log. Raises :class:`NotATime`.
    """
    if detected:
        try:
            moment = datetime.fromisoformat(detected)
        except ValueError:
            raise NotATime(f"detected is {detected!r}, which is no time like 2026-11-24T21:30:00Z") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        detected = moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    kind = "drill" if drill else trigger
    return {
        "incident": incident or run,
        "severity": severity or SEVERITY_BY_TRIGGER[kind],
        "trigger": kind,
        "source": detected_by or ("automatic" if automatic else "a person"),
        "detected": detected or None,
        "reason": reason or None,
        "evidence": evidence or None,
        "drill": drill,
        "commander": operator,
        "scribe": scribe or None,
    }
