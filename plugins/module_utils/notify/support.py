"""The text for Cloudflare's support, filled in from the journal: what failed, when, and by which request (S94)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["is_failed_call", "support_text"]

_SHOWN = 20


def is_failed_call(event: Mapping[str, Any]) -> bool:
    """Whether a call to the API had no good answer: none at all, a 429, or a fault of Cloudflare's."""
    status = event.get("status")
    return event["event"] == "api" and (not isinstance(status, int) or status == 429 or status >= 500)


def support_text(calls: Iterable[Mapping[str, Any]], account: str) -> str:
    """A request for help about these calls; empty when there is none. Ray ids say which request is meant."""
    failed = list(calls)
    if not failed:
        return ""
    lines = [
        f"Calls to the API of account {account or '(not known)'} fail while we take Workers and Pages back to an "
        "earlier version.",
        f"First at {failed[0]['time']}, last at {failed[-1]['time']} (UTC), {len(failed)} so far.",
        "",
        "time (UTC)                status     cf-ray                request",
    ]
    for call in failed[-_SHOWN:]:
        status, ray = str(call.get("status")), str(call.get("ray") or "-")
        lines.append(f"{call['time']}  {status:<9}  {ray:<20}  {call.get('method')} {call.get('path')}")
    if len(failed) > _SHOWN:
        lines.append(f"({len(failed) - _SHOWN} earlier ones are in the journal)")
    return "\n".join([*lines, "", "Please say whether this is known, and when it is expected to work again."])
