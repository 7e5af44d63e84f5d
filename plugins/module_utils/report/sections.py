"""The report in sections of tables and lists: what Markdown and HTML both show, each in its own way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..verdict.sequential import percent
from .blocks import Block, Code, Items, Links, Table, Text, Ticks, Titled, Toned
from .facts import plural
from .incident import Check, Incident
from .plain import clock, day, seconds
from .seal import Verified

__all__ = ["Section", "sections_of"]


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    blocks: tuple[Block, ...]


def sections_of(incident: Incident, verified: Verified | None) -> tuple[Section, ...]:
    """All sections that have something to say, in the order in which a reader asks."""
    return (
        _section("status", "Where it stands", _status(incident)),
        *_evidence(incident),
        _section("times", "Times and budgets", _times(incident)),
        _section("timeline", "Timeline", (_timeline(incident),)),
        _section("set", "The set", _set(incident)),
        _section("data", "Data", _data(incident)),
        _section("validation", "Validation", _checks(incident)),
        _section("target", "Why this target", _target(incident)),
        _section("impact", "Impact", _impact(incident)),
        _section("suspects", "Suspects", _or(incident.suspects, "The journal names none.")),
        _section("deviations", "Deviations from the runbook", _or(incident.deviations, "None.")),
        _section("actions", "Action items", (_actions(incident),)),
        _section("lessons", "Lessons", tuple(Titled(*each) for each in incident.lessons)),
        _section("steps", "Next steps and checklist", _steps(incident)),
        _section("calls", "Calls to Cloudflare", _calls(incident)),
        _section("record", "This record", _record(incident, verified)),
    )


def _section(id_: str, title: str, blocks: tuple[Block, ...]) -> Section:
    return Section(id_, title, tuple(block for block in blocks if block))


def _or(lines: tuple[str, ...], otherwise: str) -> tuple[Block, ...]:
    return (Items(lines) if lines else otherwise,)


def _status(incident: Incident) -> tuple[Block, ...]:
    states = " → ".join(f"{state.what} {clock(state.time)}" for state in incident.states)
    rows = [
        ("Incident", Code(incident.id)),
        ("Run", Code(incident.run)),
        ("Severity", incident.severity),
        ("Status", states),
        ("Rollback status", f"{incident.rollback_status} ({incident.ended})"),
        ("Environment", incident.environment + (", a drill" if incident.drill else "")),
        (
            "Begun",
            "automatically"
            if incident.automatic
            else f"by {incident.by or 'somebody the journal does not name'}",
        ),
        *((("Scribe", incident.scribe),) if incident.scribe else ()),
        *((("Environment looked after by", incident.owner),) if incident.owner else ()),
        ("Trigger", incident.trigger),
        ("Noticed by", incident.source or "nobody said"),
        ("Reason", incident.reason or "none was given"),
        *(("Trigger evidence", line) for line in incident.trigger_evidence),
        ("Application", incident.application),
        ("Database", incident.database),
        ("External services", incident.external),
        *(("In detail", line) for line in incident.current_notes),
        ("Freeze", incident.freeze),
        ("Review due", day(incident.review)),
    ]
    return (Table(("", ""), tuple(rows)),)


def _evidence(incident: Incident) -> tuple[Section, ...]:
    """What was asked as the trigger says, if anything was."""
    told = incident.trigger_checks
    if not (told or incident.findings):
        return ()
    rows = tuple((each.subject, each.what, each.verdict, each.detail) for each in told)
    findings = (Titled("What follows", incident.findings),) if incident.findings else ()
    table = (Table(("what", "check", "verdict", ""), rows),) if rows else ()
    return (_section("evidence", "Evidence", (*table, *findings)),)


def _times(incident: Incident) -> tuple[Block, ...]:
    moments = (
        ("Detected", incident.detected),
        ("Rollback initiated", incident.initiated),
        ("Rollback completed", incident.completed),
        ("Service restored", incident.restored),
    )
    return (
        Table(("moment", "UTC"), tuple((name, day(time)) for name, time in moments)),
        Table(
            ("derived", "", "counted"),
            tuple((each.name, seconds(each.seconds), each.note) for each in incident.measures),
        ),
        Table(
            ("budget", "planned", "actual", "verdict", "", "row"),
            tuple(
                (each.name, seconds(each.seconds), seconds(each.actual), each.verdict, each.note, each.row)
                for each in incident.budgets
            ),
        ),
    )


def _timeline(incident: Incident) -> Table:
    return Table(
        ("UTC", "s", "event"),
        tuple(
            (
                clock(entry.time),
                "" if entry.elapsed is None else f"{entry.elapsed:.2f}",
                Toned.of(entry.what, entry.tone),
            )
            for entry in incident.timeline
        ),
    )


def _set(incident: Incident) -> tuple[Block, ...]:
    rows = tuple(
        (
            each.name,
            each.from_label,
            each.to_label,
            each.state,
            seconds(each.seconds) if each.seconds is not None else "",
            each.rehearsed or "not tried",
            each.validated or "not checked",
            each.problem,
        )
        for each in incident.components
    )
    if not rows:
        return ("No component was planned to move.",)
    ids = (
        (each.name, Code(each.to_id), Code(each.commit or ""), Code(each.from_commit or ""))
        for each in incident.components
    )
    return (
        _narrow(("component", "from", "to", "state", "took", "rehearsed", "validated", ""), rows),
        _narrow(("component", "version id of the target", "its commit", "commit of what was left"), ids),
    )


def _data(incident: Incident) -> tuple[Block, ...]:
    rows = tuple((each.name, each.kind, each.method, each.state, each.why) for each in incident.databases)
    losses = tuple(f"{each.name}: {line}" for each in incident.databases for line in each.losses)
    problems = tuple(f"{each.name}: {each.problem}" for each in incident.databases if each.problem)
    kept = tuple((each.name, Code(path)) for each in incident.databases for path in each.kept)
    undo = tuple((each.name, Code(each.undo)) for each in incident.databases if each.undo)
    return (
        incident.loss,
        *((Table(("database", "kind", "decision", "state", "why"), rows),) if rows else ()),
        *((Items(problems),) if problems else ()),
        *((Items(losses),) if losses else ()),
        *((Table(("database", "rows are kept in"), kept),) if kept else ()),
        *((Table(("database", "to take that back"), undo),) if undo else ()),
    )


def _checks(incident: Incident) -> tuple[Block, ...]:
    if not incident.checks:
        return ("Nothing was checked in this run.",)
    worst = ("fail", "inconclusive", "pass", "not applicable")
    ordered = sorted(
        incident.checks, key=lambda check: worst.index(check.verdict) if check.verdict in worst else -1
    )
    methods = dict.fromkeys(f"{check.what}: {check.method}" for check in incident.checks if check.method)
    details = tuple(
        (each.subject, each.what, each.verdict, str(each.n or ""), each.detail)
        for each in incident.database_checks
    )
    return (
        _narrow(
            ("what", "check", "verdict", "n", "bad, at least to at most", "answer", ""),
            map(_check, _together(ordered)),
        ),
        *((Titled("Methods", tuple(methods)),) if methods else ()),
        *((_narrow(("database", "check", "verdict", "n", ""), details),) if details else ()),
    )


def _narrow(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """A table without the columns in which no row has anything."""
    told = tuple(rows)
    used = [place for place, _ in enumerate(head) if any(row[place] for row in told)]
    return Table(
        tuple(head[place] for place in used), tuple(tuple(row[place] for place in used) for row in told)
    )


def _together(checks: list[Check]) -> list[Check]:
    """What passed of several in the same words, and with no figure of its own, in one row."""
    rows: dict[object, Check] = {}
    for check in checks:
        plain_pass = (
            check.verdict == "pass" and check.seconds is None and check.n is None and check.attempts == 1
        )
        key = (check.what, check.detail) if plain_pass else id(check)
        known = rows.get(key)
        rows[key] = check if known is None else replace(check, subject=f"{known.subject}, {check.subject}")
    return list(rows.values())


def _check(check: Check) -> tuple[str, ...]:
    took = seconds(check.seconds) if check.seconds is not None else ""
    retried = f"{check.attempts} attempts" if check.attempts > 1 else ""
    bounds = " to ".join(percent(bound) for bound in check.interval or ())
    detail = "; ".join(filter(None, (check.detail, retried)))
    return check.subject, check.what, check.verdict, str(check.n or ""), bounds, took, detail


def _impact(incident: Incident) -> tuple[Block, ...]:
    told: Block = "No dashboards are declared for this environment."
    if incident.links:
        told = Links("Dashboards, at the time of the incident", incident.links)
    return Items(incident.impact), told


def _target(incident: Incident) -> tuple[Block, ...]:
    if not incident.release_to:
        return (incident.why_target or "No target was chosen.",)
    lines = [f"{incident.release_to}: {incident.why_target}", *incident.evidence]
    lines += [f"passed over {release}: {why}" for release, why in incident.passed_over]
    lines += [f"not in this run: {name}" for name in incident.left_out]
    lines.append(f"plan {incident.plan_hash}")
    return Items(tuple(lines)), Items(incident.approvals or ("no approval was asked for, or given",))


def _actions(incident: Incident) -> Table:
    return Table(
        ("", "what", "kind", "owner", "due"),
        tuple((each.id, each.title, each.kind, each.owner, day(each.due)) for each in incident.actions),
    )


def _steps(incident: Incident) -> tuple[Block, ...]:
    notified = (Items(incident.notifications),) if incident.notifications else ()
    return (
        Ticks(incident.next_steps, "Next steps"),
        *(Ticks(steps, title) for title, steps in incident.checklist),
        *notified,
    )


def _calls(incident: Incident) -> tuple[Block, ...]:
    calls = incident.calls
    told = (
        f"{plural(calls.total, 'call')}, {calls.writes} of them changed or asked for something; the slowest took "
        f"{seconds(calls.slowest)}; {calls.retries} repeated; {calls.waited:.1f} s waited for the rate limit. "
        "Every single one is in the journal."
    )
    if not calls.failed:
        return told, "None failed."
    rows = tuple(
        (
            clock(str(call.get("time", ""))),
            str(call.get("method", "wrangler")),
            Code(call.get("path", call.get("command", ""))),
            str(call.get("status", "")),
            Code(call.get("ray", "")),
        )
        for call in calls.failed
    )
    table = Table(("UTC", "", "path", "answer", "cf-ray"), rows)
    support = (Text("For Cloudflare's support, ready to be sent", calls.support),) if calls.support else ()
    return told, table, *support


def _record(incident: Incident, verified: Verified | None) -> tuple[Block, ...]:
    rows: list[tuple[str, str]] = []
    if verified is not None:
        rows.append(("Journal", _verdict(verified)))
        rows += [("Records", str(verified.records)), ("Head hash", Code(verified.head))]
        if verified.key:
            rows.append(("Signed with", Code(verified.key)))
    rows += [(name.replace("_", " "), Code(str(value))) for name, value in incident.versions.items()]
    check = Code(f"knowngood verify {incident.run}")
    again = Code(f"knowngood report {incident.run}")
    rows += [("Check it", check), ("The same report again", again)]
    return (Table(("", ""), tuple(rows)),)


def _verdict(verified: Verified) -> str:
    if not verified.ok:
        return f"not intact: record {verified.bad}: {verified.problem}"
    if verified.closed:
        return "intact, closed and signed"
    after = f"; {plural(verified.after, 'record')} came after the last close" if verified.after else ""
    return f"intact, and not closed: its end cannot be shown to be the end{after}"
