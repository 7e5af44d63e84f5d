"""What a scenario came to: moments, figures, verdict, findings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from .acts import Activity
from .scenario import Scenario

__all__ = ["ABORTED", "FAIL", "MOMENTS", "NOT_APPLICABLE", "PASS", "Result", "judge"]

PASS, FAIL, ABORTED, NOT_APPLICABLE = "pass", "fail", "aborted", "not applicable"
MOMENTS = ("inject", "detect", "decide", "first_change", "last_change", "verified", "restored")


@dataclass
class Result:
    """``moments`` are the times of ``MOMENTS`` as far as there are any. ``rpo`` is acknowledged writes that are gone.

    ``steady`` says whether the environment was proved to be as before, ``findings`` what has to become better.
    """

    scenario: str
    title: str
    family: str
    verdict: str = FAIL
    why: str = ""
    decision: str = ""
    signal: list[str] = field(default_factory=list)
    moments: dict[str, datetime] = field(default_factory=dict)
    acknowledged: int | None = None
    rpo: int | None = None
    steady: bool = False
    runs: list[str] = field(default_factory=list)
    activities: list[Activity] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    requests: int = 0
    failed_requests: int = 0
    seconds: float = 0.0

    @property
    def rto(self) -> float | None:
        return self.between("inject", "restored")

    def between(self, begin: str, end: str) -> float | None:
        """Seconds between two moments; ``None`` when one is not known."""
        if begin not in self.moments or end not in self.moments:
            return None
        return round((self.moments[end] - self.moments[begin]).total_seconds(), 2)

    def in_words(self) -> str:
        """The figures of a scenario in a line."""
        words = [f"RTO {self.rto:.1f} s"] if self.rto is not None else []
        if self.rpo is not None:
            words.append(f"RPO {self.rpo} of {self.acknowledged} writes")
        after = [
            f"{name.replace('_', ' ')} {seconds:.1f} s"
            for name in MOMENTS[1:]
            if (seconds := self.between("inject", name)) is not None
        ]
        words += [f"after the fault: {', '.join(after)}"] if after else []
        return "; ".join([*words, *([self.why] if self.why else [])])

    def as_dict(self) -> dict[str, Any]:
        """Plain data, with the moments in ISO 8601; without the activities, which are in the journal."""
        moments = {f"t_{name}": _iso(self.moments[name]) for name in MOMENTS if name in self.moments}
        told = {**asdict(self), "moments": moments, "rto": self.rto}
        del told["activities"]
        return told


def judge(scenario: Scenario, result: Result) -> None:
    """Hold what happened against what was expected: sets verdict, why, and findings."""
    problems = []
    if scenario.split and not (result.signal and result.moments.get("detect") is None):
        problems.append(
            f"a failure that is not seen from everywhere was expected, not {_named(result.signal) or 'nothing'}"
        )
    missing = sorted(scenario.signal - set(result.signal))
    if missing:
        problems.append(f"the failure of {_named(missing)} was not seen within {scenario.watch:g} s")
    if not scenario.signal and not scenario.split and result.signal:
        problems.append(f"no signal was expected, but {_named(result.signal)} failed")
    if result.decision != scenario.decision:
        problems.append(
            f"the decision was {_words(result.decision)}, the right one is {_words(scenario.decision)}"
        )
    if result.rto is not None and result.rto > scenario.rto:
        problems.append(f"RTO {result.rto:.1f} s, the target is {scenario.rto:g} s")
    if result.rpo is not None and result.rpo > scenario.rpo:
        problems.append(f"RPO {result.rpo} acknowledged writes, the target is {scenario.rpo}")
    if not result.steady:
        problems.append("the environment was not proved to be as before")
    result.findings += problems
    result.verdict = FAIL if problems else PASS
    result.why = "; ".join(problems)


def _words(decision: str) -> str:
    return {"roll_back": "to roll back", "leave": "not to roll back", "refuse": "to refuse"}.get(
        decision, decision or "none"
    )


def _named(names: Any) -> str:
    return ", ".join(sorted(names))


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
