"""What a watch asks besides: whether another version serves by now, how it does beside the one before, signals."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..ledger.errors import LedgerError
from ..recovery.hidden import because, for_whom, hidden, told
from ..release.model import State
from ..release.status import identities
from ..release.text import age
from ..signal import cloudflare
from ..signal.model import Reading, Unread, Window
from ..verdict import compare
from ..verdict.change import Measured
from .signals import read
from .task import Task, Unreadable
from .watching import CHECK, Watching

__all__ = ["FOLLOWING", "Following"]

_ON: dict[str, Any] = {"type": "str", "choices": ["roll back", "ask"]}
FOLLOWING: dict[str, Any] = {
    "follow": {"type": "bool", "default": False},
    "every": {"type": "float", "default": 60},
    "suspect": {"type": "float", "default": 3600},
    "on": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "errors": {**_ON, "default": "roll back"},
            "latency": {**_ON, "default": "ask"},
            "comparison": {**_ON, "default": "ask"},
            "signals": {**_ON, "default": "ask"},
        },
    },
    "baseline": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "least": {"type": "int", "default": 100},
            "margin": {"type": "float", "default": 0.005},
            "factor": {"type": "float", "default": 1.5},
            "alpha": {"type": "float", "default": 0.001},
            "seconds": {"type": "float", "default": 86400},
        },
    },
}
# What a run may say made it roll back (incident.py).
_TRIGGERS = {"errors": "health", "latency": "performance", "comparison": "performance", "signals": "errors"}


class Following:
    """``overtaken`` says why a watch of one release cannot go on."""

    def __init__(self, task: Task, watching: Watching) -> None:
        self.overtaken = ""
        self._task = task
        self._watching = watching
        self._follow = bool(task.params["follow"])
        self._sure: dict[str, Measured] = {}
        self._before: dict[str, Measured] = {}
        self._compared: dict[tuple[str, str], dict[str, Any]] = {}
        self._looks = 0
        self._next = time.monotonic() + task.params["every"]
        self._states: dict[str, State] = {}
        self._page: dict[str, Any] = {}
        known = task.params["identities"]
        self._serves = {name: told.get("version_id") for name, told in known.items()}

    @property
    def checks(self) -> list[dict[str, Any]]:
        """How what serves does beside what served before; without a baseline that is said."""
        if not self._follow:
            return []
        if not self._compared:
            environment = self._task.params["environment_name"]
            why = "nothing was measured of a release before this one"
            told = {
                "component": environment,
                "check": CHECK.format("comparison"),
                "verdict": "not applicable",
            }
            return [{**told, "detail": why}]
        return list(self._compared.values())

    def another_serves(self) -> bool:
        """Whether another version serves than when this was last asked. A watch that follows takes it on."""
        try:
            states = self._read()
        except (CloudflareError, LedgerError, Unreadable) as error:
            self._task.journal.write("watch.trouble", why=str(error))
            return False
        serves = {name: state.live.sole if state.live else None for name, state in states.items()}
        moved = [
            name for name, version in serves.items() if name in self._serves and version != self._serves[name]
        ]
        if not moved:
            # From here on the answers may be those of the next version.
            self._sure = {name: watched.measured for name, watched in self._watching.watched.items()}
            return False
        self._task.journal.write("watch.deployed", components=moved, versions={n: serves[n] for n in moved})
        if not self._follow:
            self.overtaken = f"somebody deployed {', '.join(moved)} meanwhile"
            return True
        for name in moved:
            self._before.pop(name, None)
            self._compared = {key: told for key, told in self._compared.items() if key[0] != name}
            if name in self._sure:
                self._before[name] = self._sure.pop(name)
        self._serves, self._looks = serves, 0
        self._watching.identities = identities(states, self._task.releases(states))
        self._watching.begin_anew([name for name in moved if name in self._watching.watched])
        return True

    def look_behind(self) -> None:
        """Whether the maintenance page answers for a component by now, or does not any more."""
        if not self._task.params["ledger"]:
            return
        try:
            self._task.forget_ledger()
            page = told(self._task.known.maintenance)
        except LedgerError as error:
            self._task.journal.write("watch.trouble", why=str(error))
            return
        now, before = hidden(self._task.connector, page, self._watching.contracts), self._watching.hidden
        if set(now) == set(before):
            return
        self._page = page
        why = because(page) if now else ""
        self._watching.hide(now, why)
        gone = [name for name in before if name not in now]
        self._task.journal.write("watch.page", components=now, gone=gone, why=why or None)

    def look(self, *, at_the_end: bool = False) -> list[dict[str, Any]]:
        """Every so many seconds, when the watch follows: what got worse beside before, or by the signals."""
        if not self._follow or not (at_the_end or time.monotonic() >= self._next):
            return []
        self._next = time.monotonic() + self._task.params["every"]
        if self.another_serves():
            return []
        self._looks += 1
        worse = self._compare()
        if not at_the_end:
            worse += _worse(self._signals(Window.last(self._task.params["every"])), "signals")
        return worse

    def signals(self, window: Window) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What the signals say of the whole watch, as events ``check``, and what of it is beyond its threshold."""
        readings = self._signals(window)
        return [reading.as_dict() for reading in readings], _worse(readings, "signals")

    def decided(self, worse: list[dict[str, Any]]) -> dict[str, Any]:
        """What is to be done about it: ``ask`` is the reason why a person decides, and empty for a rollback."""
        first = worse[0]
        params = self._task.params
        wanted = [params["on"][item["kind"]] for item in worse]
        ask = "" if "roll back" in wanted else f"watch_on leaves {first['kind']} to a person"
        if not ask and self._watching.hidden:
            ask = f"{for_whom(self._watching.hidden, self._page)}, so somebody is at work"
        newest = self._newest()
        if not ask and newest is not None:
            since = datetime.now(UTC) - newest
            if since > timedelta(seconds=params["suspect"]):
                old = age(newest, datetime.now(UTC))
                ask = f"nothing was deployed for {old}, so it is not likely to be the release"
        told = _told(worse)
        found_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        return {
            "worse": worse,
            "why": told,
            "detected": found_at,
            "after": round(self._task.journal.elapsed, 1),
            "trigger": _TRIGGERS[first["kind"]],
            "decision": "ask" if ask else "roll back",
            "ask": f"{ask} ({told})" if ask else "",
        }

    def _newest(self) -> datetime | None:
        """When something was last deployed; ``None`` when that cannot be read."""
        try:
            states = self._read()
        except (CloudflareError, LedgerError, Unreadable):
            return None
        return max((state.live.created for state in states.values() if state.live), default=None)

    def _read(self) -> dict[str, State]:
        self._task.forget_ledger()
        self._states = self._task.states()
        return self._states

    def _signals(self, window: Window) -> list[Reading]:
        # An adapter that is not declared is named once, by the tier that asks for signals.
        found = read(self._task, window, self._serves)
        return [reading for reading in found if reading.verdict != "not applicable"]

    def _compare(self) -> list[dict[str, Any]]:
        told = self._task.params["baseline"]
        # The share of false alarms for all looks together: the sum of 1 / (k (k + 1)) is 1.
        alpha = told["alpha"] / (self._looks * (self._looks + 1))
        for name, before in self._before.items():
            now = self._watching.watched[name].measured
            found = {
                "error rate": compare.errors(
                    (now.bad, now.n),
                    (before.bad, before.n),
                    alpha=alpha,
                    least=told["least"],
                    margin=told["margin"],
                ),
                "latency": compare.latency(
                    now.seconds, before.seconds, alpha=alpha, least=told["least"], factor=told["factor"]
                ),
            }
            for check, result in found.items():
                self._keep(name, f"{check} beside before", result)
        self._compare_analytics(alpha)
        return _worse_of(list(self._compared.values()), "comparison")

    def _compare_analytics(self, alpha: float) -> None:
        """The users' own requests, by version; for what was deployed before the watch began too."""
        params = self._task.params
        source = next((s for s in params["signals"].get("sources", []) if s["adapter"] == "cloudflare"), None)
        if source is None:
            return
        pairs = {}
        for name, state in (self._states or self._read_quietly()).items():
            soles = list(dict.fromkeys(state.soles))
            if state.component.kind == "worker" and len(soles) > 1:
                pairs[name] = (state.component.target, soles[0], soles[1])
        account, api = params["cloudflare"]["account_id"], params["cloudflare"]["api_url"]
        scripts = [script for script, _, _ in pairs.values()]
        try:
            window = Window.last(params["baseline"]["seconds"])
            rows = cloudflare.invocations(api, account, source["token"] or self._task.token, scripts, window)
        except Unread as error:
            self._task.journal.write("watch.trouble", why=f"analytics: {error}")
            return
        counts = {(row.script, row.version): (row.errors, row.requests) for row in rows}
        told = params["baseline"]
        for name, (script, new, old) in pairs.items():
            result = compare.errors(
                counts.get((script, new), (0, 0)),
                counts.get((script, old), (0, 0)),
                alpha=alpha,
                least=told["least"],
                margin=told["margin"],
            )
            self._keep(name, "analytics beside before", result)

    def _read_quietly(self) -> dict[str, State]:
        try:
            return self._read()
        except (CloudflareError, LedgerError, Unreadable) as error:
            self._task.journal.write("watch.trouble", why=str(error))
            return {}

    def _keep(self, component: str, check: str, result: compare.Compared) -> None:
        told = {"component": component, "check": CHECK.format(check), "verdict": result.verdict}
        self._compared[component, check] = {**told, "detail": result.detail}


def _told(worse: list[dict[str, Any]]) -> str:
    """Each check once, with all whom it hit, and what was found of the first."""
    told = []
    for check in dict.fromkeys(item["check"] for item in worse):
        alike = [item for item in worse if item["check"] == check]
        told.append(f"{', '.join(item['component'] for item in alike)}: {check}: {alike[0]['detail']}")
    return "; ".join(told)


def _worse(readings: list[Reading], kind: str) -> list[dict[str, Any]]:
    return _worse_of([reading.as_dict() for reading in readings], kind)


def _worse_of(checks: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [
        {"component": check["component"], "check": check["check"], "kind": kind, "detail": check["detail"]}
        for check in checks
        if check["verdict"] == "fail"
    ]
