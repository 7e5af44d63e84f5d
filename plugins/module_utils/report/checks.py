"""What the validation found, and the state of things that follows from it: derived, never typed (S82-S84)."""

from __future__ import annotations

from collections.abc import Sequence

from .ending import Ending
from .facts import Event, Facts, plural
from .incident import Calls, Check

__all__ = ["calls_of", "checks_of", "impact_of", "state_of", "third_parties_of"]


def checks_of(facts: Facts) -> tuple[Check, ...]:
    """The last result of every check after the change: components by use, databases, and what ``validation`` adds."""
    found: dict[tuple[str, str], Check] = {}
    for event in facts.all("probe", stage="validate"):
        if not event.get("unseen"):
            name = str(event.get("component", ""))
            found[name, "health"] = _probe(event, name)
    for event in facts.all("database.checked"):
        name = str(event.get("database", ""))
        level = f"schema at {event['level']}" if event.get("level") else ""
        detail = "; ".join(map(str, event.get("problems") or [])) or level
        found[name, "database"] = Check(name, "database", str(event.get("verdict", "")), detail)
    for event in facts.all("validation"):
        for item in event.get("checks") or []:
            subject, what = str(item.get("component", "")), str(item.get("check", "check"))
            figures = [
                f"{key} {item[key]}" for key in ("n", "interval", "method") if item.get(key) is not None
            ]
            detail = "; ".join([str(item.get("detail", "")), *figures]).strip("; ")
            found[subject, what] = Check(subject, what, str(item.get("verdict", "")), detail)
    return tuple(found.values())


def third_parties_of(facts: Facts) -> tuple[Check, ...]:
    """The services of others that were asked before the decision."""
    return tuple(
        _probe(event, str(event.get("component", ""))) for event in facts.all("probe", stage="decide")
    )


def _probe(event: Event, name: str) -> Check:
    problems = "; ".join(map(str, event.get("problems") or []))
    version = f"version {event['version']}" if event.get("version") else ""
    seconds = event.get("seconds")
    return Check(
        name,
        "health",
        str(event.get("verdict", "")),
        problems or version,
        seconds if isinstance(seconds, int | float) else None,
        int(event.get("attempts") or 1),
    )


def state_of(checks: Sequence[Check], *, mixed: bool = False) -> str:
    """HEALTHY, DEGRADED or DOWN; UNKNOWN where nothing was checked."""
    if not checks:
        return "DEGRADED" if mixed else "UNKNOWN"
    passed = sum(check.verdict == "pass" for check in checks)
    if passed == len(checks) and not mixed:
        return "HEALTHY"
    return "DEGRADED" if passed else "DOWN"


def calls_of(facts: Facts) -> Calls:
    """The calls to Cloudflare, with the ``cf-ray`` of those that failed: what its support asks for (S94)."""
    calls = facts.all("api")
    seconds = [call["seconds"] for call in calls if isinstance(call.get("seconds"), int | float)]
    failed = [call for call in calls if not isinstance(call.get("status"), int) or call["status"] >= 400]
    failed += [call for call in facts.all("wrangler") if call.get("status") not in (0, "0", None)]
    waited = sum(event.get("seconds", 0) for event in facts.all("api.wait"))
    return Calls(
        len(calls),
        sum(call.get("method") != "GET" for call in calls),
        max(seconds, default=None),
        tuple(failed),
        round(waited, 1),
        len(facts.all("api.retry")),
    )


def impact_of(
    facts: Facts, checks: Sequence[Check], in_service: float | None, left: str, ending: Ending
) -> tuple[str, ...]:
    """What users met, as far as the journal measured it."""
    lines = []
    moving = [move for move in facts.last("plan").get("moves") or [] if move.get("method") != "none"]
    if moving:
        names = ", ".join(str(move.get("component")) for move in moving)
        lines.append(f"{plural(len(moving), 'component')} served {left or 'what was left'}: {names}")
    if in_service is not None:
        lines.append(
            f"It was in service for {in_service:.1f} s since its newest deployment, until all had moved"
        )
    elif moving and not ending.over:
        lines.append("It is not known that it is out of service")
    for event in facts.all("postgres.fence.down"):
        held = event.get("seconds")
        if isinstance(held, int | float):
            lines.append(
                f"{event.get('database')}: writes waited for {held:.2f} s while the database was swapped"
            )
    failing = [check.subject for check in checks if check.verdict == "fail"]
    if failing:
        lines.append(f"After the switch these did not keep their contract: {', '.join(failing)}")
    lines.append(
        "Requests of users were not counted in this run: Cloudflare's analytics tell how many failed"
    )
    return tuple(lines)
