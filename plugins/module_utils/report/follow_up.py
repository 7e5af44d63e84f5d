"""What is left to do, and what was not done by the book: deviations, suspects, action items, checklists."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from .ending import Ending
from .facts import Facts, iso, plural
from .incident import ActionItem, Budget, Check, Component, Database, Step

__all__ = ["actions_of", "checklist_of", "deviations_of", "next_steps_of", "review_of", "suspects_of"]

_REVIEW = {"CRITICAL": timedelta(days=1), "HIGH": timedelta(days=3)}
_LATEST_REVIEW = timedelta(days=7)


def review_of(end: datetime, severity: str) -> datetime:
    """When the review is due: a day after a CRITICAL incident, three after a HIGH one, else a week; at a full hour."""
    due = end + _REVIEW.get(severity, _LATEST_REVIEW)
    whole = due.replace(minute=0, second=0, microsecond=0)
    return whole if whole == due else whole + timedelta(hours=1)


def deviations_of(
    facts: Facts, components: Sequence[Component], budgets: Sequence[Budget]
) -> tuple[str, ...]:
    """Where the run left the runbook, or had to."""
    lines = [
        f"Without an approval, in an emergency: {event.get('reason')} ({event.get('by')})"
        for event in facts.all("approval.bypassed")
    ]
    lines += [
        f"A lock was broken ({event.get('reason')}): {event.get('holder')}"
        for event in facts.all("lock.broken")
    ]
    moved = [item for item in components if item.state == "moved"]
    if moved and not facts.all("rehearsed"):
        lines.append("The target was not rehearsed before it was switched to")
    forced = [item.name for item in moved if item.secret_changed]
    if forced:
        lines.append(
            f"Secrets changed since the target was made, and it was moved all the same: {', '.join(forced)}"
        )
    lines += [
        f"{item.name}: a deploy in between was overridden: {', '.join(item.overrode)}"
        for item in components
        if item.overrode
    ]
    left_out = facts.last("plan").get("left_out") or []
    if left_out:
        lines.append(f"Not the whole set: {', '.join(left_out)} was left out")
    policy = facts.stage("switch").get("on_partial")
    if policy and policy != "converge":
        lines.append(f"Where the set does not arrive whole, this run was to {policy}, not to go on")
    lines += _troubles(facts)
    lines += [
        f"Budget broken ({budget.row}): {budget.name} took {budget.actual:.1f} s of {budget.seconds:.0f} s"
        for budget in budgets
        if budget.verdict == "broken" and budget.actual is not None
    ]
    return tuple(lines)


def _troubles(facts: Facts) -> list[str]:
    counts = {
        "api.retry": "Cloudflare was asked again {n}",
        "api.wait": "Cloudflare's rate limit made the run wait {n}",
        "switch.unanswered": "a change got no answer and was read back {n}",
        "lock.trouble": "the lock could not be renewed {n}",
    }
    lines = []
    for kind, words in counts.items():
        count = len(facts.all(kind))
        if count:
            line = words.format(n="once" if count == 1 else f"{count} times")
            lines.append(line[0].upper() + line[1:])
    lines += [f"The lock was not given back: {event.get('why')}" for event in facts.all("lock.kept")]
    lines += [f"The ledger was not written: {event.get('why')}" for event in facts.all("ledger.trouble")]
    lines += [f"A defect of Known Good: {event.get('error')}" for event in facts.all("defect")]
    lost = sum(event["lost"] for event in facts.events if isinstance(event.get("lost"), int))
    if lost:
        lines.append(f"The journal could not be written for a while: {plural(lost, 'event')} of it missing")
    return lines


def suspects_of(
    facts: Facts, components: Sequence[Component], databases: Sequence[Database]
) -> tuple[str, ...]:
    """What differs between what was left and the target, as far as the journal says: where to look first."""
    plan = facts.last("plan")
    lines = []
    moving = [item for item in components if item.method != "none"]
    for item in moving:
        commit = f", target built from commit {item.commit[:12]}" if item.commit else ""
        lines.append(f"{item.name}: code of {item.from_label} against {item.to_label}{commit}")
    still = [item.name for item in components if item.method == "none"]
    if moving and still:
        lines.append(f"Not the code of {', '.join(still)}: the same version served before and after")
    lines += [
        f"{item.name}: a secret was changed after the target was made"
        for item in moving
        if item.secret_changed
    ]
    lines += [
        f"{item.name}: {plural(len(item.since), 'migration')} newer than the target: {', '.join(item.since)}"
        for item in databases
        if item.since
    ]
    lines += [f"Differs, and does not go back with a version: {text}" for text in plan.get("stays") or []]
    return tuple(lines)


def actions_of(
    facts: Facts,
    ending: Ending,
    severity: str,
    end: datetime,
    owner: str,
    databases: Sequence[Database],
    checks: Sequence[Check],
    deviations: Sequence[str],
    environment: str,
) -> tuple[ActionItem, ...]:
    """The items that follow from what happened, due now, within a day, or at the review."""
    review = review_of(end, severity)
    soon = min(review, end + timedelta(days=1))
    todo: list[tuple[str, str, datetime]] = []
    if not ending.over and ending.word not in ("ONLY A CHECK",):
        todo.append(
            (f"End the incident: {ending.next.partition('  (')[0] or 'decide how to go on'}", "mitigate", end)
        )
    todo += [
        (f"Repair {check.subject}: {check.detail}", "mitigate", end)
        for check in checks
        if check.verdict == "fail"
    ]
    for item in databases:
        if item.state in ("failed", "unfinished"):
            todo.append((f"Look at {item.name} before anything else writes to it", "data", end))
        elif item.state == "done" and item.losses:
            todo.append((f"Decide which of the kept rows of {item.name} go back in", "data", soon))
    todo.append(("Find the root cause", "prevent", review))
    if facts.last("plan").get("changes") and ending.over:
        left = facts.last("plan").get("live_release") or "what was rolled back from"
        todo.append(
            (f"Repair what was wrong with {left}, and release it under a new name", "prevent", review)
        )
    if facts.all("frozen") and not facts.all("unfrozen"):
        todo.append(
            (
                f"Lift the freeze when the repair is ready: ansible-playbook unfreeze.yml -i {environment}",
                "process",
                review,
            )
        )
    if not facts.said("detected"):
        todo.append(
            ("Say when the incident was detected, so that the next one can be measured", "detect", review)
        )
    retried = [check.subject for check in checks if check.verdict == "pass" and check.attempts > 1]
    if retried:
        todo.append((f"Find out why {', '.join(retried)} needed more than one attempt", "detect", review))
    if deviations:
        count = plural(len(deviations), "deviation")
        todo.append((f"Change the procedures, or what led away from them: {count}", "process", review))
    return tuple(
        ActionItem(f"A{number}", title, kind, owner, iso(due))
        for number, (title, kind, due) in enumerate(todo, start=1)
    )


def checklist_of(
    facts: Facts, ending: Ending, checks: Sequence[Check]
) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """The runbook's emergency checklist, each line with what the journal has to say for it."""
    passed = [check for check in checks if check.verdict == "pass"]
    every = bool(checks) and len(passed) == len(checks)
    count = f"{len(passed)} of {plural(len(checks), 'check')} passed"
    data = [check for check in checks if check.what == "database"]
    applicable = plural(len(data), "database") + " checked"
    return (
        (
            "Immediate (0-5 minutes)",
            (
                Step("Execute the rollback", ending.over, ending.word),
                Step("Verify its completion with health checks", every, count),
                Step("Check user access to critical functions", False, "no user flow is part of this run"),
                _told("Notify the emergency response team", facts, "responders"),
                Step("Begin incident logging", True, "the journal began with the command"),
            ),
        ),
        (
            "Short term (5-30 minutes)",
            (
                Step("Validate that all services work", every, count),
                Step(
                    "Check database integrity",
                    bool(data) and all(check.verdict == "pass" for check in data),
                    applicable,
                ),
                Step("Verify payment processing", False, "no payment is part of this run"),
                Step("Monitor error rates and performance", False, "no watch window is part of this run"),
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


def next_steps_of(facts: Facts) -> tuple[Step, ...]:
    """The three of the runbook's template."""
    full = [
        event
        for event in facts.all("validation")
        if event.get("tier") == "full" and event.get("verdict") == "pass"
    ]
    return (
        Step(
            "Complete service validation",
            bool(full),
            "full validation passed" if full else "only the quick one was made",
        ),
        Step("Root cause analysis", False, "a person does that"),
        _told("Communication to stakeholders", facts, "stakeholders"),
    )


def _told(what: str, facts: Facts, audience: str) -> Step:
    sent = [
        event
        for event in facts.all("notification")
        if event.get("audience") == audience and event.get("state") in ("sent", "delivered", "acknowledged")
    ]
    channels = ", ".join(sorted({str(event.get("channel")) for event in sent}))
    return Step(what, bool(sent), f"by {channels}" if sent else "no receipt of a notification in the journal")
