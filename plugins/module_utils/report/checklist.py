"""The runbook's checklists, each line with what the journal has to say for it (S4-S18, S85-S90)."""

from __future__ import annotations

from collections.abc import Sequence

from .ending import Ending
from .facts import Facts, plural
from .incident import Check, Step

__all__ = ["checklist_of", "next_steps_of"]

_RATES = ("error rate", "latency")


def checklist_of(
    facts: Facts, ending: Ending, checks: Sequence[Check]
) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """The emergency checklist."""
    flows = [check for check in checks if check.what.startswith("flow")]
    return (
        (
            "Immediate (0-5 minutes)",
            (
                Step("Execute the rollback", ending.over, ending.word),
                _checked(
                    "Verify its completion with health checks", [c for c in checks if c.what == "health"]
                ),
                _checked(
                    "Check user access to critical functions", flows, "no user flow is part of this run"
                ),
                _told("Notify the emergency response team", facts, "responders"),
                Step("Begin incident logging", True, "the journal began with the command"),
            ),
        ),
        (
            "Short term (5-30 minutes)",
            (
                _checked("Validate that all services work", checks),
                _checked(
                    "Check database integrity",
                    [c for c in checks if c.what == "database"],
                    "no database was checked in this run",
                ),
                _checked(
                    "Verify payment processing",
                    [c for c in checks if "payment" in c.what],
                    "no payment is part of this run",
                ),
                _checked(
                    "Monitor error rates and performance",
                    [c for c in checks if c.what in _RATES],
                    "neither a watch nor the full validation is part of this run",
                ),
                _told("Communicate the status to stakeholders", facts, "stakeholders"),
            ),
        ),
        (
            "Medium term (30-120 minutes)",
            (
                Step("Generate the incident report", True, "this is it"),
                Step("Analyse the root cause", False, "a person does that; the suspects are listed"),
                Step("Plan corrective action", False, "action items are listed; owners confirm them"),
                Step("Update the procedures if needed", False, "see the deviations"),
                Step("Schedule the review", True, "review.ics"),
            ),
        ),
    )


def next_steps_of(facts: Facts, checks: Sequence[Check]) -> tuple[Step, ...]:
    """The three of the runbook's template."""
    rates = [check for check in checks if check.what in _RATES]
    return (
        _checked("Complete service validation", [*checks] if rates else [], "only the quick one was made"),
        Step("Root cause analysis", False, "a person does that"),
        _told("Communication to stakeholders", facts, "stakeholders"),
    )


def _checked(what: str, checks: Sequence[Check], otherwise: str = "nothing was checked") -> Step:
    """Done when every one of these checks passed; what is declared as not applicable need not."""
    counted = [check for check in checks if check.verdict != "not applicable"]
    if not counted:
        why = "; ".join(sorted({check.detail for check in checks})) if checks else otherwise
        return Step(what, bool(checks), f"not applicable: {why}" if checks else why)
    passed = sum(check.verdict == "pass" for check in counted)
    return Step(what, passed == len(counted), f"{passed} of {plural(len(counted), 'check')} passed")


def _told(what: str, facts: Facts, audience: str) -> Step:
    sent = [
        event
        for event in facts.all("notification")
        if event.get("audience") == audience and event.get("state") in ("sent", "delivered", "acknowledged")
    ]
    channels = ", ".join(sorted({str(event.get("channel")) for event in sent}))
    return Step(what, bool(sent), f"by {channels}" if sent else "no receipt of a notification in the journal")
