"""Open the incident, and take the environment's lock before the run looks at anything."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from ..incident import SEVERITIES, TRIGGERS, NotATime, opened
from ..ledger.lock import LEASE, Held, Holder, break_, take
from ..outcome import REFUSED, outcome
from .options import CLOUDFLARE, LEDGER, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **LEDGER,
    "incident": {
        "type": "dict",
        "default": {},
        "options": {
            "id": {"type": "str", "default": ""},
            "severity": {"type": "str", "choices": ["", *SEVERITIES], "default": ""},
            "trigger": {"type": "str", "choices": list(TRIGGERS), "default": "person"},
            "detected": {"type": "str", "default": ""},
            "detected_by": {"type": "str", "default": ""},
            "reason": {"type": "str", "default": ""},
            "evidence": {"type": "str", "default": ""},
            "scribe": {"type": "str", "default": ""},
            "automatic": {"type": "bool", "default": False},
            "drill": {"type": "bool", "default": False},
        },
    },
    "step": {"type": "str", "default": ""},
    "state": {"type": "str", "default": ""},
    "owner": {"type": "str", "default": ""},
    "dashboards": {"type": "dict", "default": {}},
    "break_lock": {"type": "str", "default": ""},
    "wait": {"type": "float", "default": 600},
}

_LOOK = 1.0


def work(task: Task) -> dict[str, Any]:
    """Take the lock; wait for a rollback that is under way, and refuse to get between a deploy and its end."""
    if task.check_mode:
        return {"joined": None}
    told = dict(task.params["incident"])
    if told:
        try:
            fields = opened(task.journal.run, incident=told.pop("id"), operator=task.operator, **told)
        except NotATime as error:
            return {"outcome": outcome(REFUSED, f"nothing was changed: {error}", next_="correct -e detected")}
        around = {name: task.params[name] or None for name in ("step", "state", "owner", "dashboards")}
        around |= {"environment": task.params["environment_name"]}
        around |= {"account": task.params["cloudflare"]["account_id"] or None}
        task.journal.write("incident.opened", **fields, **around)
    if task.params["break_lock"]:
        broken = break_(task.ledger, task.params["break_lock"])
        if broken is not None:
            task.journal.write("lock.broken", holder=_words(broken), reason=task.params["break_lock"])
    until = time.monotonic() + task.params["wait"]
    automatic = task.params["incident"].get("automatic")
    leases: dict[str, datetime] = {}
    joined: str | None = None
    while True:
        found = take(task.ledger, "rollback", task.journal.run, LEASE, pid=task.command)
        if not isinstance(found, Held):
            task.journal.write("lock.taken", generation=found.generation, joined=joined)
            return {"joined": joined, "lock": found.generation}
        holder = found.holder
        is_rollback = holder.purpose == "rollback"
        # Whoever starts a pipeline does not sit beside it to try again, as a person can who is told at once.
        waits = is_rollback or (automatic and _may_be_lost(holder, leases.get(holder.run, holder.until)))
        if time.monotonic() > until or not waits:
            return {"outcome": _refusal(task.params["environment_name"], holder)}
        if holder.run not in leases:
            leases[holder.run] = holder.until
            task.journal.write("lock.wait", holder=_words(holder), run=holder.run)
        if is_rollback and joined is None:
            joined = holder.run
        time.sleep(_LOOK)


def _may_be_lost(holder: Holder, until: datetime) -> bool:
    """Whether a holder may be gone without a word, as a lost runner is: it did not renew the lease that ends then."""
    return holder.until == until and not holder.lives


def _refusal(environment: str, holder: Holder) -> dict[str, Any]:
    return outcome(
        REFUSED,
        f"nothing was changed: {_words(holder)}",
        next_=f"let it end, or: ansible-playbook rollback.yml -i {environment} "
        "-e break_lock='<why it may be broken>'",
    )


def _words(holder: Holder) -> str:
    left = max(0, int((holder.until - datetime.now(UTC)).total_seconds()))
    return f"a {holder.purpose} of {holder.by} ({holder.run}) holds the lock, for {left} s more if it does not renew it"
