"""What users met, as far as the journal measured it (S76), and how the calls to Cloudflare went (S94)."""

from __future__ import annotations

from collections.abc import Sequence

from ..notify.support import is_failed_call, support_text
from .ending import Ending
from .facts import Facts, plural
from .incident import Calls, Check
from .plain import seconds

__all__ = ["calls_of", "impact_of"]


def calls_of(facts: Facts) -> Calls:
    """The calls to Cloudflare, with the ``cf-ray`` of those that failed: what its support asks for."""
    calls = facts.all("api")
    took = [call["seconds"] for call in calls if isinstance(call.get("seconds"), int | float)]
    failed = [call for call in calls if not isinstance(call.get("status"), int) or call["status"] >= 400]
    failed += [call for call in facts.all("wrangler") if call.get("status") not in (0, "0", None)]
    waited = sum(event.get("seconds", 0) for event in facts.all("api.wait"))
    faults = [call for call in calls if is_failed_call(call) and call.get("time")]
    return Calls(
        len(calls),
        sum(call.get("method") != "GET" for call in calls),
        max(took, default=None),
        tuple(failed),
        round(waited, 1),
        len(facts.all("api.retry")),
        support_text(faults, str(facts.said("account") or "")),
    )


def impact_of(
    facts: Facts,
    checks: Sequence[Check],
    before: Sequence[str],
    in_service: float | None,
    left: str,
    ending: Ending,
) -> tuple[str, ...]:
    """Which endpoints, for how long, how many requests: what was measured, and what was not."""
    lines = []
    moving = [move for move in facts.last("plan").get("moves") or [] if move.get("method") != "none"]
    if moving:
        names = [str(move.get("component")) for move in moving]
        lines.append(
            f"{plural(len(moving), 'component')} served {left or 'what was left'}: {_endpoints(facts, names)}"
        )
    if in_service is not None:
        lines.append(
            f"It was in service for {seconds(in_service)} since its newest deployment, until all had moved"
        )
    elif moving and not ending.over:
        lines.append("It is not known that it is out of service")
    lines += [f"Just before the change, {line}" for line in before]
    for event in facts.all("postgres.fence.down"):
        held = event.get("seconds")
        if isinstance(held, int | float):
            lines.append(
                f"{event.get('database')}: writes waited for {held:.2f} s while the database was swapped"
            )
    failing = sorted({check.subject for check in checks if check.verdict == "fail"})
    if failing:
        lines.append(f"At the end these did not keep their contract: {', '.join(failing)}")
    return (*lines, *_requests(facts))


def _endpoints(facts: Facts, names: Sequence[str]) -> str:
    """The components with the hosts at which users reach them."""
    probes = [event for event in facts.all("probe") if not event.get("unseen")]
    hosts = {event.get("component"): _host(str(event.get("url", ""))) for event in probes}
    return ", ".join(f"{name} ({hosts[name]})" if hosts.get(name) else name for name in names)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0]


def _requests(facts: Facts) -> list[str]:
    """Requests of users to what was left, and how many failed, where a signal counts them by version."""
    left = {
        str(move.get("component")): [str(share[0]) for share in move.get("live") or [] if share]
        for move in facts.last("plan").get("moves") or []
        if move.get("method") != "none"
    }
    lines = {}
    for event in facts.all("trigger.evidence", "check"):
        name, counts = str(event.get("component")), event.get("versions")
        mine = (
            [counts[id_] for id_ in left.get(name, ()) if id_ in counts] if isinstance(counts, dict) else []
        )
        if mine:
            requests, errors = (sum(int(count[place]) for count in mine) for place in (0, 1))
            window = " to ".join(map(str, event.get("window") or []))
            of = f"{event.get('check')}, {window}"
            lines[name] = f"{name}: {errors} of {plural(requests, 'request')} to it failed ({of})"
    return list(lines.values()) or [
        "Requests of users were not counted: no signal that counts them by version answered"
    ]
