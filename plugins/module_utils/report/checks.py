"""What the validation found, and the state of things that follows from it: derived, never typed (S82-S84)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..trigger.evidence import PARTY
from ..verdict.files import checks_of as results_of
from .facts import Event, Facts
from .incident import Check

__all__ = [
    "before_of",
    "checks_of",
    "database_checks_of",
    "state_of",
    "third_parties_of",
    "trigger_checks_of",
]


def checks_of(facts: Facts) -> tuple[Check, ...]:
    """The last result of every check after the change: the same as in ``validation.json``."""
    whole = [event for event in facts.events if _NEEDED.get(event["event"], set()) <= set(event)]
    return tuple(_check(result) for result in results_of(whole))


# A journal that was damaged has a report all the same.
_NEEDED = {
    "stage.start": {"stage"},
    "probe": {"component", "verdict"},
    "check": {"component", "check", "verdict"},
    "rates": {"component", "check", "verdict"},
    "database.checked": {"database", "verdict"},
}


def _check(result: Mapping[str, Any]) -> Check:
    detail = str(result.get("detail") or "")
    for name, words in (("version", "version {}"), ("level", "schema at {}")):
        if not detail and result.get(name):
            detail = words.format(result[name])
    seconds, n, interval = (result.get(name) for name in ("seconds", "n", "interval"))
    return Check(
        str(result.get("component") or ""),
        str(result.get("check") or ""),
        str(result.get("verdict") or ""),
        detail,
        float(seconds) if isinstance(seconds, int | float) else None,
        int(result.get("attempts") or 1),
        n if isinstance(n, int) else None,
        _interval(interval),
        str(result.get("method") or ""),
    )


def _interval(told: Any) -> tuple[float, float] | None:
    if isinstance(told, Sequence) and len(told) == 2 and all(isinstance(each, int | float) for each in told):
        return float(told[0]), float(told[1])
    return None


def database_checks_of(facts: Facts) -> tuple[Check, ...]:
    """What the verdict on a database rests on: the last result of each of its checks (S10, S51-S53, S56)."""
    found: dict[tuple[str, str], Check] = {}
    for event in facts.all("postgres.check", stage="databases.check"):
        name, what = str(event.get("database", "")), str(event.get("name", "")).replace("_", " ")
        data = event.get("data") if isinstance(event.get("data"), dict) else {}
        n = data.get("n") if data else None
        found[name, what] = Check(
            name,
            what,
            str(event.get("verdict", "")),
            str(event.get("detail", "")),
            n=n if isinstance(n, int) else None,
        )
    return tuple(found.values())


def before_of(facts: Facts) -> tuple[str, ...]:
    """How the components were just before the change, as far as that is worth a line."""
    found: dict[str, list[str]] = {}
    for event in facts.all("before"):
        name = str(event.get("component"))
        if event.get("known") is False:
            found.setdefault(f"no answer: {event.get('why')}", []).append(name)
        elif event.get("known") and event.get("headers") is None:
            found.setdefault("an error, or a page in front of it", []).append(name)
    return tuple(f"{', '.join(names)}: {what}" for what, names in found.items())


def third_parties_of(facts: Facts) -> tuple[Check, ...]:
    """The services of others that were asked: before the decision of an automatic run, or as evidence."""
    decided = [_probe(event) for event in facts.all("probe", stage="decide")]
    found = {check.subject: check for check in (*decided, *trigger_checks_of(facts, PARTY))}
    return tuple(found.values())


def trigger_checks_of(facts: Facts, about: str = "") -> tuple[Check, ...]:
    """What was asked as evidence of what a person said, or an alert; of one kind when asked."""
    return tuple(
        Check(
            str(event.get("component", "")),
            str(event.get("check", "")),
            str(event.get("verdict", "")),
            str(event.get("detail", "")),
        )
        for event in facts.all("trigger.evidence")
        if about in ("", event.get("about"))
    )


def _probe(event: Event) -> Check:
    problems = "; ".join(map(str, event.get("problems") or []))
    return Check(str(event.get("component", "")), "health", str(event.get("verdict", "")), problems)


def state_of(checks: Sequence[Check], *, mixed: bool = False, proved: bool = False) -> str:
    """HEALTHY, DEGRADED or DOWN; UNKNOWN where nothing was found out, or a part of it and nothing bad.

    ``proved`` says that the run called its validation passed: then what came to no verdict is a remark.
    """
    verdicts = [check.verdict for check in checks if check.verdict != "not applicable"]
    if not verdicts:
        return "DEGRADED" if mixed else "UNKNOWN"
    passed, failed = verdicts.count("pass"), verdicts.count("fail")
    if passed == len(verdicts) and not mixed:
        return "HEALTHY"
    if failed and not passed:
        return "DOWN"
    if failed or mixed:
        return "DEGRADED"
    return "HEALTHY" if proved and passed else "UNKNOWN"
