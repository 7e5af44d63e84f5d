"""What is left to do, and what was not done by the book: deviations, suspects, action items."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from .ending import Ending
from .facts import Facts, iso, moment, plural
from .incident import ActionItem, Budget, Check, Component, Database
from .plain import seconds

__all__ = ["actions_of", "deviations_of", "review_of", "suspects_of"]

_REVIEW = {"CRITICAL": timedelta(days=1), "HIGH": timedelta(days=3)}
_LATEST_REVIEW = timedelta(days=7)
# A quarter: S133.
_RUNBOOK_LASTS = timedelta(days=92)


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
    reviewed, now = moment(facts.said("runbook_reviewed")), moment(facts.first("run.start").get("time"))
    if reviewed and now and now - reviewed > _RUNBOOK_LASTS:
        lines.append(
            f"The runbook was last reviewed on {reviewed:%Y-%m-%d}: the review of the quarter is overdue"
        )
    lines += [
        f"Budget broken ({budget.row}): {budget.name} took {seconds(budget.actual)} of {seconds(budget.seconds)}"
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
        commits = [commit[:12] if commit else "not known" for commit in (item.from_commit, item.commit)]
        built = f", commit {' against '.join(commits)}" if item.from_commit or item.commit else ""
        lines.append(f"{item.name}: code of {item.from_label} against {item.to_label}{built}")
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
    lines += [f"Differs: {text}" for text in (*(plan.get("goes_back") or []), *(plan.get("stays") or []))]
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
        (f"Repair {check.subject} ({check.what}): {check.detail}", "mitigate", end)
        for check in checks
        if check.verdict == "fail"
    ]
    open_ = [f"{check.subject} ({check.what})" for check in checks if check.verdict == "inconclusive"]
    if open_:
        todo.append((f"Find out what could not be shown: {', '.join(open_)}", "detect", soon))
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
    if facts.last("outcome"):
        todo.append(("Hold the review", "process", review))
    if deviations:
        count = plural(len(deviations), "deviation")
        todo.append((f"Change the procedures, or what led away from them: {count}", "process", review))
    return tuple(
        ActionItem(f"A{number}", title, kind, owner, iso(due))
        for number, (title, kind, due) in enumerate(todo, start=1)
    )
