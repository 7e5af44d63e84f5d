"""Asks components round after round, for as long as a watch takes, and notices when one gets worse."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from ..cancel import asked
from ..probe.contract import Contract, judge
from ..probe.load import Pace, Reply, run
from ..verdict.change import Watched
from ..verdict.sequential import Hypotheses
from .task import Task

__all__ = ["CHECK", "Watching"]

CHECK = "watch: {}"
"""What a check of a watch is called, beside those of a validation in the same run."""
_HIDDEN = "behind the maintenance page"
_BEAT = 0.2
_KINDS = {"error rate": "errors", "latency": "latency"}


@dataclass
class Watching:
    """``identities`` are what the versions that serve may be called. Raises OSError for a CA that cannot be read."""

    task: Task
    identities: dict[str, dict[str, str | None]]
    errors: Hypotheses
    late: Hypotheses
    horizon: float
    contracts: dict[str, Contract] = field(init=False)
    watched: dict[str, Watched] = field(init=False)
    requests: int = 0
    wrong: bool = False
    """Whether an answer of the newest round did not keep its contract."""
    hidden: dict[str, str] = field(default_factory=dict)
    """For whom the maintenance page answers, and since when, in words: they are not asked."""
    _base: int = 0
    _last: int = 0

    def __post_init__(self) -> None:
        self.contracts = self.task.asked
        self._ways = self.task.ways
        self.watched = {}
        self.begin_anew(self.contracts)

    def begin_anew(self, names: Iterable[str]) -> None:
        """Another version serves: what was measured of the one before says nothing of it."""
        for name in names:
            self.watched[name] = Watched(self.errors, self.late, self.horizon)

    def hide(self, names: Iterable[str], why: str) -> None:
        """The maintenance page answers for these by now, and for no others."""
        now = dict.fromkeys(names, why)
        self.begin_anew(set(now) ^ set(self.hidden))
        self.hidden = now

    def round(self, seconds: float, rate: float) -> None:
        """Ask for so many seconds, or until one component is worse."""
        self.wrong = False
        ways = {name: way for name, way in self._ways.items() if name not in self.hidden}
        if not ways:
            self._wait(seconds)
            return
        probing = self.task.params["probing"]
        pace = Pace(rate, seconds, 10**9, 100, 0, probing["slow"], probing["timeout"])
        done = run(ways, pace, self)
        self.requests += sum(one.requests for one in done.values())
        for watched in self.watched.values():
            watched.forget()
        self._base = self._last + 1

    @property
    def alarms(self) -> list[dict[str, Any]]:
        """What got worse: ``component``, ``check``, ``kind``, ``detail``."""
        seen = any(watched.failed for watched in self.watched.values())
        return [
            {
                "component": name,
                "check": check,
                "kind": _KINDS[check],
                "detail": "; ".join([watched.findings[check].words, *watched.problems[:1]]),
            }
            for name, watched in self.watched.items()
            if (check := watched.failed or (seen and self._is_bad(watched) and "error rate"))
        ]

    def _is_bad(self, watched: Watched) -> bool:
        """Beyond doubt, beside one that raised an alarm: a fault seldom hits one component alone."""
        return watched.findings["error rate"].interval[0] > self.errors.p1

    @property
    def so_far(self) -> dict[str, Any]:
        """For the journal: how all stand together, and each."""
        each = {name: watched.as_dict() for name, watched in self.watched.items()}
        slowest = max((one["p95"] for one in each.values() if one["p95"] is not None), default=None)
        sums = {key: sum(one[key] for one in each.values()) for key in ("n", "bad", "late")}
        return {"requests": self.requests, **sums, "p95": slowest, "components": each}

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The findings, as events ``check``; a component without a contract is not asked."""
        found: list[dict[str, Any]] = []
        for item in self.task.params["components"]:
            name = item["name"]
            if name not in self.watched:
                why = str(item["health"]["not_applicable"])
                told = {"component": name, "check": CHECK.format("error rate"), "verdict": "not applicable"}
                found.append({**told, "detail": why})
                continue
            if name in self.hidden:
                told = {"component": name, "check": CHECK.format(_HIDDEN), "verdict": "inconclusive"}
                found.append({**told, "detail": self.hidden[name]})
                continue
            watched = self.watched[name]
            for check, finding in watched.findings.items():
                told = {"component": name, "check": CHECK.format(check), **finding.as_dict()}
                if check == "latency":
                    told |= watched.latency().as_dict()
                    told["detail"] += f"; p95 {_ms(told['p95'])}"
                elif watched.problems:
                    told["detail"] += f"; {watched.problems[0]}"
                    told["problems"] = watched.problems
                found.append(told)
        return found

    # --- what probe/load.py tells

    def asked(self, name: str, number: int) -> None:
        self._last = self._base + number
        self.watched[name].asked(self._last)

    def is_late(self, name: str, number: int) -> None:
        self.watched[name].is_late(self._base + number)

    def answered(self, name: str, number: int, reply: Reply) -> None:
        watched, number = self.watched[name], self._base + number
        if reply.timed and reply.seconds > self.task.params["probing"]["slow"]:
            watched.is_late(number)
        problems = [reply.fault] if reply.answer is None else self._problems(name, reply)
        self.wrong = self.wrong or bool(problems)
        watched.answered(number, reply.seconds if reply.answer and reply.timed else None, problems)

    def wants(self, name: str) -> bool:
        return not self.ended_by and not any(watched.failed for watched in self.watched.values())

    @property
    def ended_by(self) -> str | None:
        """Why somebody wants the watch to end before its time (Ctrl-C, ``knowngood cancel``)."""
        return asked(self.task.journal)

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self.ended_by and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, _BEAT))

    def _problems(self, name: str, reply: Reply) -> list[str]:
        assert reply.answer is not None
        return judge(
            self.contracts[name],
            reply.answer,
            identity=self.identities.get(name),
            max_skew=self.task.params["probing"]["max_skew"],
            # Being slow is a check of its own.
            slow=inf,
            tls_margin=0,
        )


def _ms(seconds: float | None) -> str:
    return "not known" if seconds is None else f"{1000 * seconds:.0f} ms"
