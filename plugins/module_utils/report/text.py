"""The report in the runbook's own layout, line by line (its "Incident Documentation Template")."""

from __future__ import annotations

from .incident import Incident, Step
from .plain import plain

__all__ = ["text_of"]


def text_of(incident: Incident) -> str:
    """What is not known says so in its place: no line is left out, and none is added."""
    drill = "DRILL. " if incident.drill else ""
    wrong = incident.reason or f"{incident.title} (no reason was given)"
    found = f"; evidence: {'; '.join(incident.findings)}" if incident.findings else ""
    moments = (
        (incident.detected, "Issue detected"),
        (incident.initiated, "Rollback initiated"),
        (incident.completed, "Rollback completed"),
        (incident.restored, "Service restored"),
    )
    lines = [
        "PRODUCTION INCIDENT REPORT",
        "==========================",
        f"Incident ID: {incident.id}",
        f"Time: {incident.initiated or 'not known'}",
        f"Severity: {incident.severity}",
        f"Status: {incident.status}",
        "",
        "SUMMARY:",
        f"- What went wrong: {drill}{wrong}{found}",
        f"- Impact: {'; '.join(incident.impact)}",
        f"- Rollback status: {incident.rollback_status}",
        "",
        "TIMELINE:",
        *(f"- {time or 'not known'} {what}" for time, what in moments),
        "",
        "CURRENT STATUS:",
        f"- Application: {incident.application}",
        f"- Database: {incident.database}",
        f"- External Services: {incident.external}",
        "",
        "NEXT STEPS:",
        *map(_step, incident.next_steps),
    ]
    return "\n".join(plain(line) for line in lines) + "\n"


def _step(step: Step) -> str:
    return f"- [{'x' if step.done else ' '}] {step.what}"
