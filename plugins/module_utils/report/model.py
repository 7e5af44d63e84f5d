"""From the events of a journal to the incident. Pure: the same events give the same incident, whenever it is asked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from ..trigger.evidence import DATABASE
from .changes import components_of, databases_of, loss_of
from .checklist import checklist_of, next_steps_of
from .checks import before_of, checks_of, database_checks_of, state_of, third_parties_of, trigger_checks_of
from .ending import Ending, ending_of, is_recovery, severity_of, states_of
from .facts import Event, Facts, iso, listed, moment, plural
from .follow_up import actions_of, deviations_of, review_of, suspects_of
from .impact import calls_of, impact_of
from .incident import Calls, Check, Component, Database, Incident
from .lessons import lessons_of
from .links import links_of
from .plain import day, seconds
from .timeline import timeline_of
from .times import IN_SERVICE, Moments, budgets_of, measures_of, moments_of, phases_of, text_of

__all__ = ["incident_of"]

_NO_ROLLBACK = (
    "backup",
    "drill",
    "ledger",
    "notify",
    "plan",
    "record",
    "status",
    "unfreeze",
    "validate",
    "watch",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSIONS = ("version", "tool_hash", "inventory_hash", "runbook", "runbook_reviewed")


def incident_of(events: Iterable[Event]) -> Incident:
    """Everything that the report of a run says, from its journal's events, oldest first.

    A run that was killed gives an incident that says so (``finished``). Raises :class:`ValueError`
    when there is no event at all, or they are of a run that rolls nothing back.
    """
    facts = Facts(events)
    if not facts.events:
        raise ValueError("the journal has no record, so there is nothing to report")
    playbook = facts.first("run.start").get("playbook")
    # A watch rolls back when something gets worse, and then it opened an incident.
    if playbook in _NO_ROLLBACK and not (playbook == "watch" and facts.all("incident.opened")):
        raise ValueError(f"it is of a run of {playbook}.yml, which rolls nothing back")
    plan = facts.last("plan")
    environment = str(facts.said("environment") or "<environment>")
    drill = bool(facts.said("drill"))
    ending = ending_of(facts, environment)
    severity = severity_of(facts, drill=drill)
    components, databases = components_of(facts), databases_of(facts, environment)
    checks, calls = checks_of(facts), calls_of(facts)
    at = moments_of(facts, components, ending)
    measures, budgets = measures_of(at), budgets_of(at, facts)
    in_service = next(each.seconds for each in measures if each.name == IN_SERVICE)
    deviations = deviations_of(facts, components, budgets)
    last = at.last or _EPOCH
    by = str(facts.said("commander") or facts.said("operator") or "")
    before = before_of(facts)
    begins = min((each for each in (at.deployed, at.detected, at.initiated) if each), default=None)
    left, target = str(plan.get("live_release") or ""), str(plan.get("release") or "")
    mixed = ending.word == "PARTIAL"
    parties = third_parties_of(facts)
    run = str(next((event["run"] for event in facts.events if event.get("run")), "unknown"))
    return Incident(
        id=str(facts.said("incident") or run),
        run=run,
        title=_title(environment, ending, left, target, "recovery" if is_recovery(facts) else "rollback"),
        environment=environment,
        drill=drill,
        severity=severity,
        status=states_of(facts, ending)[-1].what,
        rollback_status=ending.status,
        ended=ending.word,
        exit_code=ending.code,
        happened=_happened(ending, left, target, components, databases, at),
        over=_over(ending),
        next_command=ending.next.partition("  (")[0],
        finished=ending.finished,
        automatic=bool(facts.said("automatic")),
        by=by,
        scribe=str(facts.said("scribe") or ""),
        owner=str(facts.said("owner") or ""),
        source=str(facts.said("source") or ""),
        reason=_reason(facts),
        trigger=str(facts.said("trigger") or "manual"),
        trigger_evidence=_evidence_of_trigger(facts),
        trigger_checks=trigger_checks_of(facts),
        findings=tuple(str(event.get("says")) for event in facts.all("trigger.finding")),
        detected=text_of(at.detected),
        initiated=text_of(at.initiated),
        completed=text_of(at.completed),
        restored=text_of(at.restored),
        last_event=text_of(at.last),
        states=states_of(facts, ending),
        timeline=timeline_of(facts),
        phases=phases_of(facts),
        measures=measures,
        budgets=budgets,
        release_from=left,
        release_to=target,
        plan_hash=str(facts.last("goal").get("hash") or plan.get("hash") or ""),
        why_target=str(plan.get("reason") or facts.last("plan.refused").get("why") or ""),
        passed_over=tuple(
            (str(item.get("release")), str(item.get("why"))) for item in plan.get("skipped") or []
        ),
        left_out=tuple(map(str, plan.get("left_out") or ())),
        evidence=_evidence_of_target(plan),
        approvals=_approvals(facts),
        components=components,
        databases=databases,
        loss=loss_of(databases, facts),
        checks=checks,
        database_checks=database_checks_of(facts),
        before=before,
        application=state_of(
            [check for check in checks if check.what != "database"], mixed=mixed, proved=ending.over
        ),
        database=_database(facts, checks, ending),
        external=state_of(parties) if parties else _cloudflare(calls),
        current_notes=_notes(parties, calls, checks),
        impact=impact_of(facts, checks, before, in_service, left, ending),
        links=links_of(facts, components, begins, at.last),
        calls=calls,
        deviations=deviations,
        suspects=suspects_of(facts, components, databases),
        actions=actions_of(
            facts, ending, severity, last, by or "to be named", databases, checks, deviations, environment
        ),
        lessons=lessons_of(facts, ending, components, databases, checks, budgets, deviations),
        checklist=checklist_of(facts, ending, checks),
        next_steps=next_steps_of(facts, checks),
        freeze=_freeze(facts, environment),
        notifications=tuple(
            f"{event.get('time')}: {event.get('audience')} by {event.get('channel')}, {event.get('state')}"
            for event in facts.all("notification")
        ),
        review=iso(review_of(last, severity)),
        versions={name: facts.said(name) for name in _VERSIONS if facts.said(name)},
    )


def _reason(facts: Facts) -> str:
    """Why it was done, in the words of whoever began it. A plan has a ``reason`` too: why that target."""
    said = facts.first("incident.opened").get("reason") or facts.last("goal").get("reason")
    return str(said or facts.last("goal").get("emergency") or "")


def _title(environment: str, ending: Ending, left: str, target: str, what: str) -> str:
    way = f"{left or 'a mixed set'} to {target}" if target else "no target"
    return {
        "DONE": f"{environment}: rolled back from {way}",
        "DONE IN PART": f"{environment}: rolled back in part, from {way}",
        "NOTHING TO DO": f"{environment}: nothing to roll back",
        "UNDONE": f"{environment}: the data of before an earlier rollback serves again",
        "PARTIAL": f"{environment}: the rollback from {way} did not arrive whole",
        "STEP TAKEN": f"{environment}: a step of recovery was taken",
        "FAILED": f"{environment}: the {what} failed",
        "MOVED, NOT WORKING": f"{environment}: moved from {way}, and it does not work",
        "NOT PROVED": f"{environment}: {target or 'what serves'} serves, and it is not proved that it works",
        "OLD SET RESTORED": f"{environment}: not rolled back, {left or 'the old set'} serves again",
        "REFUSED": f"{environment}: the {what} was refused",
        "NOT BEGUN": f"{environment}: no rollback, it would not have helped",
        "CANCELLED": f"{environment}: the {what} was cancelled",
        "ONLY A CHECK": f"{environment}: what a rollback would do",
        "BROKE OFF": f"{environment}: the {what} broke off",
        "UNFINISHED": f"{environment}: the {what} is not at its end",
    }[ending.word]


def _happened(
    ending: Ending,
    left: str,
    target: str,
    components: tuple[Component, ...],
    databases: tuple[Database, ...],
    at: Moments,
) -> str:
    moved = [item for item in components if item.state == "moved"]
    done = [item for item in databases if item.state == "done" and item.method != "nothing"]
    parts = []
    if moved:
        took = ""
        if at.completed and at.initiated:
            took = f", {(at.completed - at.initiated).total_seconds():.1f} s after the command"
        of_all = f"{len(moved)} of {plural(len(components), 'component')}"
        parts.append(f"{of_all} went from {left or 'a mixed set'} to {target}{took}.")
    if done:
        verb = "was" if len(done) == 1 else "were"
        parts.append(
            f"{listed([item.name for item in done])} {verb} taken back{' with it' if moved else ''}."
        )
    if not parts or not ending.over:
        sentence = ending.sentence[:1].upper() + ending.sentence[1:]
        parts.append(sentence if sentence.endswith(".") else f"{sentence}.")
    return " ".join(parts)


def _over(ending: Ending) -> str:
    return {
        "DONE": "Yes. Everything was checked after the switch, and works.",
        "NOTHING TO DO": "Yes. The good release served already, was checked, and works.",
        "UNDONE": "Not shown: data was put back, and nothing was checked in this run.",
        "DONE IN PART": "No. What was moved works, but the set is incomplete.",
        "PARTIAL": "No. The set is mixed: a part of it arrived, and the rest did not.",
        "STEP TAKEN": "Not shown: the step that was asked for was taken, and nothing else was looked at.",
        "FAILED": "No. It is not known that anything arrived.",
        "MOVED, NOT WORKING": "No. Everything moved, but what serves now does not keep its contract.",
        "NOT PROVED": "Not shown. Everything is where it should be, and some checks came to no verdict.",
        "OLD SET RESTORED": "No. What was to be left serves again, whole.",
        "REFUSED": "No. Nothing was changed.",
        "NOT BEGUN": "No. Nothing was changed: the fault is elsewhere, or a rollback was tried before.",
        "CANCELLED": "No. Nothing was changed: somebody, or a time-out, ended the run before its first change.",
        "ONLY A CHECK": "Nothing was changed.",
        "BROKE OFF": "No. The run broke off.",
        "UNFINISHED": "Not yet. The run is under way, or was killed: the same command goes on from there.",
    }[ending.word]


def _evidence_of_trigger(facts: Facts) -> tuple[str, ...]:
    evidence = facts.first("incident.opened").get("evidence")
    lines = [str(evidence)] if evidence else []
    if facts.stage("decide"):
        lines.append(f"automatic run after a failed {facts.stage('decide').get('trigger', 'check')}")
    return tuple(lines + [f"not begun: {event.get('why')}" for event in facts.all("declined")])


def _evidence_of_target(plan: dict[str, Any]) -> tuple[str, ...]:
    lines = [f"made {_when(plan['release_made'])}"] if plan.get("release_made") else []
    evidence = plan.get("evidence")
    if isinstance(evidence, dict) and evidence.get("verdict"):
        verdict = "passed" if evidence["verdict"] == "pass" else "failed"
        how = f"{verdict} the {evidence.get('tier')} validation at {_when(evidence.get('time'))}"
        lines.append(f"{how}, recorded by {evidence.get('by')} in run {evidence.get('run')}")
        served = evidence.get("served")
        if isinstance(served, int | float):
            lines.append(f"served for {seconds(served)} until the next release was recorded")
    elif "evidence" in plan:
        lines.append("nobody recorded that it works")
    return tuple(lines)


def _when(told: Any) -> str:
    found = moment(told)
    return day(iso(found)) if found else "an unknown time"


def _approvals(facts: Facts) -> tuple[str, ...]:
    goal, lines = facts.last("goal"), []
    if goal.get("approved_by"):
        lines.append(f"plan {goal.get('hash')} approved by {goal['approved_by']}: {goal.get('reason', '')}")
    if goal.get("emergency"):
        lines.append(f"emergency, without an approval: {goal['emergency']}")
    return tuple(lines)


def _database(facts: Facts, checks: tuple[Check, ...], ending: Ending) -> str:
    """By the checks after the change; where none was made, by what was asked as evidence."""
    checked = [check for check in checks if check.what == "database"]
    return state_of(checked or trigger_checks_of(facts, DATABASE), proved=ending.over)


def _cloudflare(calls: Calls) -> str:
    if not calls.total:
        return "UNKNOWN"
    return "DEGRADED" if calls.retries or any(_is_fault(call) for call in calls.failed) else "HEALTHY"


def _is_fault(call: Event) -> bool:
    status = call.get("status")
    return not isinstance(status, int) or status == 429 or status >= 500


def _notes(parties: tuple[Check, ...], calls: Calls, checks: tuple[Check, ...]) -> tuple[str, ...]:
    lines = [f"{party.subject}: {party.verdict}" for party in parties]
    open_ = sum(check.verdict == "inconclusive" for check in checks)
    if open_:
        lines.append(f"{plural(open_, 'check')} of {len(checks)} came to no verdict")
    faults = sum(_is_fault(call) for call in calls.failed)
    if calls.total:
        lines.append(f"Cloudflare's API: {plural(calls.total, 'call')}, {faults} without a good answer")
    return tuple(lines)


def _freeze(facts: Facts, environment: str) -> str:
    if facts.all("unfrozen"):
        return "Deploys are not frozen any more."
    frozen = facts.last("frozen")
    if not frozen:
        return "This run did not freeze deploys."
    paused = frozen.get("paused") or []
    what = f", and automatic ones of {', '.join(paused)} are paused" if paused else ""
    return (
        f"Deploys are frozen{what}. When the repair is ready: ansible-playbook unfreeze.yml -i {environment}"
    )
