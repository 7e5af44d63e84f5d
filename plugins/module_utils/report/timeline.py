"""The timeline: every event that is worth a line, in words; what several components did alike shares one."""

from __future__ import annotations

from collections.abc import Callable

from .facts import Event, Facts, moment, plural
from .incident import Entry

__all__ = ["timeline_of"]

_TONES = {
    "pass": "good",
    "fail": "bad",
    "inconclusive": "warn",
    "refused": "bad",
    "moved": "good",
    "already": "good",
}


def timeline_of(facts: Facts) -> tuple[Entry, ...]:
    """Oldest first. What happened before the command (the detection) comes with its own time, without ``elapsed``."""
    entries: list[Entry] = []
    detected = moment(facts.said("detected"))
    if detected is not None:
        source = facts.said("source")
        time = detected.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entries.append(Entry(time, None, f"Issue detected{f' by {source}' if source else ''}", "bad"))
    # What was done alike, at one time: where its line is, and whom it names.
    shared: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for event, stage in zip(facts.events, facts.stages, strict=True):
        alike = _alike(event, stage)
        if alike is not None:
            at, names = shared.setdefault(alike[0], (len(entries), []))
            names.append(alike[1])
            what, verdict = alike[0]
            line = _entry(event, f"{what}: {', '.join(names)}", _TONES.get(verdict, "plain"))
            entries[at : at + 1] = [line]
            continue
        told = _told(event, stage)
        if told is not None:
            shared.clear()
            entries.append(_entry(event, *told))
    return tuple(sorted(entries, key=lambda entry: entry.time))


def _entry(event: Event, what: str, tone: str) -> Entry:
    elapsed = event.get("elapsed")
    return Entry(
        str(event.get("time", "")), float(elapsed) if isinstance(elapsed, int | float) else None, what, tone
    )


def _alike(event: Event, stage: str) -> tuple[tuple[str, str], str] | None:
    """What it has in common with others, and whom it is about; ``None`` for what stands alone."""
    kind, name = event["event"], str(event.get("component") or event.get("database") or "")
    if kind == "rehearsed" and not (event.get("why") and event.get("verdict") != "inconclusive"):
        return (f"Rehearsed unseen, {event.get('verdict')}", str(event.get("verdict"))), name
    if kind == "switch.end" and not event.get("problem") and not event.get("overrode"):
        words = {"moved": "Moved to the target", "already": "At the target already"}
        state = str(event.get("state"))
        return (words.get(state, state), state), name
    if kind == "probe" and stage == "validate" and event.get("verdict") == "pass":
        return ("Keeps its health contract", "pass"), name
    if kind == "database.checked" and event.get("verdict") == "pass":
        return ("Database checked, pass", "pass"), name
    if kind == "before" and event.get("known"):
        return ("Looked at as it was before the change", "plain"), name
    if kind == "check" and event.get("verdict") == "pass" and str(event.get("check")).startswith("flow "):
        return ("Flows work", "pass"), str(event.get("check")).removeprefix("flow ")
    if kind == "trigger.evidence" and event.get("verdict") == "pass":
        return (f"Evidence, pass: {event.get('check')}", "pass"), name
    if kind in ("check", "rates") and event.get("verdict") == "pass":
        return (f"Passed: {event.get('check')}", "pass"), name
    return None


def _told(event: Event, stage: str) -> tuple[str, str] | None:
    """The line and its tone; ``None`` when the event is not worth one."""
    if event["event"] == "probe":
        return _told_probe(event, stage)
    if event["event"] in ("check", "rates", "trigger.evidence"):
        return _told_check(event)
    if event["event"] in _WORDS:
        tone, words = _WORDS[event["event"]]
        return words(event), tone
    return None


def _told_probe(event: Event, stage: str) -> tuple[str, str] | None:
    if event.get("unseen"):
        # The verdict of the rehearsal has an event of its own.
        return None
    problems = "; ".join(map(str, event.get("problems") or []))
    if event.get("verdict") == "pass":
        return f"{event.get('component')} is well", "plain"
    return f"{event.get('component')} does not keep its health contract: {problems}", "bad"


def _told_check(event: Event) -> tuple[str, str] | None:
    verdict = event.get("verdict")
    if verdict == "not applicable":
        return None
    of = "Evidence, " if event["event"] == "trigger.evidence" else ""
    what = f"{of}{event.get('component')}: {event.get('check')} {verdict}{_because(event.get('detail'))}"
    return what, _TONES.get(str(verdict), "plain")


def _because(value: object) -> str:
    return f": {value}" if value else ""


def _start(event: Event) -> str:
    limit = f", only {event['limit']}" if event.get("limit") else ""
    if event.get("playbook") == "watch":
        return f"The watch began (watch.yml{limit})"
    what = "Recovery" if event.get("playbook") == "recovery" else "Rollback"
    return f"{what} initiated ({event.get('playbook', 'run')}.yml{limit})"


def _opened(event: Event) -> str:
    return f"Incident opened{_because(event.get('reason') or event.get('trigger'))}"


def _lock(event: Event) -> str:
    after = f" after the run {event['joined']} had ended" if event.get("joined") else ""
    return f"The environment is locked for this run{after}"


def _plan(event: Event) -> str:
    moving = sum(move.get("method") != "none" for move in event.get("moves") or [])
    origin = event.get("live_release") or "a mixed set"
    return f"Planned: {origin} to {event.get('release')}, {plural(moving, 'component')} to move"


def _databases(event: Event) -> str:
    told = [f"{item.get('name')} {item.get('method')}" for item in event.get("databases") or []]
    return f"Databases planned: {', '.join(told)}"


def _goal(event: Event) -> str:
    by = f", approved by {event['approved_by']}" if event.get("approved_by") else ""
    return f"Goal stored before the first change: {event.get('release')}, plan {event.get('hash')}{by}"


def _rehearsed(event: Event) -> str:
    return f"Rehearsed unseen, {event.get('verdict')}: {event.get('component')}{_because(event.get('why'))}"


def _switched(event: Event) -> str:
    over = event.get("overrode")
    overrode = f"; it took {', '.join(over)} out again, which somebody deployed meanwhile" if over else ""
    return f"{event.get('component')}: {event.get('state')}{_because(event.get('problem'))}{overrode}"


def _moved(event: Event) -> str:
    kept = event.get("kept") or []
    return f"{event.get('database')}: {event.get('method')}, done" + (
        f"; what it loses is kept in {plural(len(kept), 'file')}" if kept else ""
    )


def _dns(event: Event) -> str:
    sides = [", ".join(map(str, event.get(side) or ["nothing"])) for side in ("before", "after")]
    return f"{event.get('component')}: DNS changed from {sides[0]} to {sides[1]}"


def _page(event: Event) -> str:
    hidden, gone = (", ".join(map(str, event.get(side) or [])) for side in ("components", "gone"))
    said = [f"Not watched: {hidden}{_because(event.get('why'))}"] if hidden else []
    return "; ".join([*said, f"watched again: {gone}"] if gone else said)


def _frozen(event: Event) -> str:
    paused = event.get("paused") or []
    return "Deploys are frozen" + (f"; automatic ones of {', '.join(paused)} are paused" if paused else "")


def _notified(event: Event) -> str:
    receipt = f" ({event['receipt']})" if event.get("receipt") else ""
    return f"Notification to {event.get('audience')} by {event.get('channel')}: {event.get('state')}{receipt}"


def _migrated(event: Event) -> str:
    name = f"{event['component']}: " if event.get("component") else ""
    failed = "" if event.get("ok", True) else f" failed{_because(event.get('error'))}"
    return f"{name}migration {event.get('migration')} {event.get('way')}{failed}"


_WORDS: dict[str, tuple[str, Callable[[Event], str]]] = {
    "run.start": ("plain", _start),
    "watch.deployed": (
        "plain",
        lambda event: f"Another version serves: {', '.join(map(str, event.get('components') or []))}",
    ),
    "watch.page": ("warn", _page),
    "watch.regression": (
        "bad",
        lambda event: (
            f"It got worse{_because(event.get('why'))}; "
            + ("a person is to decide" if event.get("ask") else "so it is rolled back")
        ),
    ),
    "incident.opened": ("bad", _opened),
    "lock.taken": ("plain", _lock),
    "lock.wait": ("warn", lambda event: f"Waiting: {event.get('holder')}"),
    "lock.broken": ("warn", lambda event: f"Lock broken ({event.get('reason')}): {event.get('holder')}"),
    "lock.trouble": ("warn", lambda event: f"The lock was not renewed{_because(event.get('why'))}"),
    "lock.kept": ("warn", lambda event: f"The lock was not given back{_because(event.get('why'))}"),
    "declined": ("warn", lambda event: f"No rollback{_because(event.get('why'))}"),
    "trigger.finding": ("warn", lambda event: f"Evidence says: {event.get('says')}"),
    "plan": ("plain", _plan),
    "plan.refused": ("bad", lambda event: f"No target{_because(event.get('why'))}"),
    "databases.plan": ("plain", _databases),
    "goal": ("plain", _goal),
    "approval.bypassed": (
        "warn",
        lambda event: f"Emergency, without an approval: {event.get('reason')} ({event.get('by')})",
    ),
    "before": (
        "warn",
        lambda event: (
            f"{event.get('component')} did not answer before the change{_because(event.get('why'))}"
        ),
    ),
    "rehearsed": ("bad", _rehearsed),
    "switch.end": ("bad", _switched),
    "switch.unanswered": (
        "warn",
        lambda event: (
            f"{event.get('component')}: no answer, so it is read back{_because(event.get('fault'))}"
        ),
    ),
    "postgres.backup.verified": ("plain", lambda event: "A backup was verified before anything is changed"),
    "postgres.restore.end": (
        "plain",
        lambda event: (
            f"A backup was restored beside the database, {plural(int(event.get('rows') or 0), 'row')}"
        ),
    ),
    "postgres.fence.up": ("plain", lambda event: f"{event.get('database')}: writes wait"),
    "postgres.fence.down": (
        "plain",
        lambda event: f"{event.get('database')}: writes go on, after {event.get('seconds', 0):.2f} s",
    ),
    "postgres.swap.end": (
        "plain",
        lambda event: f"{event.get('database')}: swapped, the old one is kept as {event.get('kept')}",
    ),
    "database.rewind": ("plain", lambda event: f"{event.get('database')}: goes back to an earlier state"),
    "database.moved": ("good", _moved),
    "database.failed": (
        "bad",
        lambda event: f"{event.get('database')} failed{_because(event.get('problem'))}",
    ),
    "database.undo": (
        "warn",
        lambda event: f"{event.get('database')}: the data that was set aside serves again",
    ),
    "database.checked": (
        "bad",
        lambda event: (
            f"Database checked, {event.get('verdict')}: {event.get('database')}"
            f"{_because('; '.join(map(str, event.get('problems') or [])))}"
        ),
    ),
    "migration.end": ("plain", _migrated),
    "dns.changed": ("warn", _dns),
    "dns.failed": (
        "bad",
        lambda event: f"{event.get('component')}: DNS was not changed{_because(event.get('problem'))}",
    ),
    "route": (
        "warn",
        lambda event: f"Route: {event.get('change')}{_because(event.get('problem'))}",
    ),
    "put_back": (
        "plain",
        lambda event: f"{event.get('component')}: {', '.join(map(str, event.get('what') or []))} put back",
    ),
    "api.wait": (
        "warn",
        lambda event: f"Waiting {event.get('seconds', 0):.0f} s for Cloudflare's rate limit",
    ),
    "api.retry": ("warn", lambda event: f"Asked Cloudflare again{_because(event.get('fault'))}"),
    "notification.trouble": ("warn", lambda event: f"People were not told{_because(event.get('why'))}"),
    "validation.trouble": (
        "warn",
        lambda event: f"The files of the validation were not written{_because(event.get('why'))}",
    ),
    "ledger.trouble": ("warn", lambda event: f"The ledger was not written{_because(event.get('why'))}"),
    "frozen": ("plain", _frozen),
    "unfrozen": ("plain", lambda event: "Deploys are not frozen any more"),
    "held": ("plain", lambda event: "The code of what was left is kept beside the journal"),
    "notification": ("plain", _notified),
    "defect": ("bad", lambda event: f"A defect of Known Good{_because(event.get('error'))}"),
    "outcome": ("plain", lambda event: f"{event.get('verdict')}: {event.get('message')}"),
    "run.closed": ("plain", lambda event: "The journal was closed and signed"),
}
