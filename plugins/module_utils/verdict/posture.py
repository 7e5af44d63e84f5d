"""The checks of what a change did to the protection of a component (S120, S123)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ..probe.posture import Posture, headers_lost, tls_change

__all__ = ["headers_check", "headers_seen", "tls_check"]


def headers_check(
    component: str,
    before: Posture | None,
    now: Posture,
    *,
    recorded: Collection[str] | None,
    release: str,
) -> dict[str, Any]:
    """Whether the security headers that were in force before the change are still there.

    ``recorded`` are those that ``release`` had when it was found to be good, ``None`` when nobody wrote that down.
    Where it is not known how it was before, these count.
    """
    told = {"component": component, "check": "headers"}
    had = before.headers if before is not None and before.headers is not None else None
    base = recorded if had is None else had
    if base is None or now.headers is None:
        why = "it was not known before" if base is None else "an error page answered"
        return told | {
            "verdict": "not applicable",
            "detail": f"{why}, so nothing can be compared",
            "quiet": True,
        }
    lost, explained = headers_lost(base, now.headers, None if had is None else recorded)
    if lost:
        since = f"since {release} was recorded" if had is None else "since the change"
        return told | {"verdict": "fail", "detail": f"gone {since}: {', '.join(lost)}"}
    remarks = [f"gone, as {release} never had it: {', '.join(explained)}"] if explained else []
    changed = [name for name, value in (had or {}).items() if now.headers.get(name, value) != value]
    remarks += [f"says something else than before: {', '.join(changed)}"] if changed else []
    as_ = f"when {release} was recorded" if had is None else "before"
    detail = "; ".join(remarks) or f"{len(base)} in force, as {as_}"
    return told | {"verdict": "pass", "detail": detail, "quiet": not remarks or None}


def headers_seen(events: Iterable[Mapping[str, Any]], components: Collection[str]) -> dict[str, list[str]]:
    """The security headers in force per component, as its last answer showed them in the validation of a run."""
    return {
        event["component"]: list(event["headers"])
        for event in events
        if event["event"] == "probe"
        and event["component"] in components
        and event.get("headers") is not None
        and not event.get("unseen")
    }


def tls_check(component: str, before: Posture | None, now: Posture, *, margin: float) -> dict[str, Any]:
    """Whether the certificate is the one of before, or what explains that it is not. ``margin`` is in days."""
    told = {"component": component, "check": "tls", "fingerprint": now.fingerprint}
    what = f"{now.tls_version}, {now.issuer}, valid until {(now.expires or '')[:10]}"
    left = now.days
    if left is not None and left < margin:
        why = f"it expires in {left:.0f} days, less than {margin:g}"
        return told | {"verdict": "fail", "detail": f"{what}: {why}"}
    if before is None or before.fingerprint is None:
        return told | {"verdict": "pass", "detail": what, "quiet": True}
    verdict, why = tls_change(before, now)
    same = before.fingerprint == now.fingerprint
    told |= {} if same else {"fingerprint_before": before.fingerprint}
    return told | {"verdict": verdict, "detail": f"{what}; {why}", "quiet": same or None}
