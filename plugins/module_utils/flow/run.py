"""Try flows, one as many times as it takes to tell a broken one from a moment's trouble, and clean up after each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from ..redact import Redactor
from .ask import Taken, Way, take
from .declared import Flow, Step
from .left import Left, LeftThings
from .values import Unknown, own_values

__all__ = ["Finding", "Trier"]

_ATTEMPTS = 3
_PAUSE = 1.0
# Seconds that the cleanup has, whatever the flows took.
_FOR_CLEANUP = 10.0
# What is to be deleted may never have been made, or be gone.
_CLEAN = (*range(200, 300), 404, 410)
# What is not kept from one run to the next.
_OF_THE_RUN = ("run", "now", "since")
# In a detail of one line.
_LONGEST = 300

PASS, FAIL, INCONCLUSIVE, NOT_APPLICABLE = "pass", "fail", "inconclusive", "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one flow; ``steps`` are the seconds of each, ``unfinished`` says that the time was over."""

    flow: str
    component: str
    verdict: str
    detail: str = ""
    attempts: int = 0
    steps: Mapping[str, float] = field(default_factory=dict)
    unfinished: bool = False

    @property
    def seconds(self) -> float:
        return round(sum(self.steps.values()), 4)


@dataclass
class Trier:
    """``values`` and ``secrets`` are the declared ones; ``until`` is when flows must be done (monotonic clock).

    ``since`` is from when on the environment is as it is (ISO 8601). ``rewound`` maps a database to the moment
    that this run took it back to. ``learn`` hears of every value that must not be shown.
    """

    things: LeftThings
    way: Way
    run: str
    since: str
    values: Mapping[str, Any]
    secrets: Mapping[str, Any]
    until: float
    learn: Callable[[str], None]
    rewound: Mapping[str, str] = field(default_factory=dict)

    def tried(self, flow: Flow) -> Finding:
        """The whole flow with new values, again after a failure, and cleaned up each time."""
        attempts = 0
        while True:
            attempts += 1
            left = self._begun(flow)
            try:
                finding, left = self._steps(flow, flow.steps, left)
            finally:
                uncleaned = self.cleaned(left)
            if finding.verdict == PASS or attempts == _ATTEMPTS or not self._pause():
                return _with(replace(finding, attempts=attempts), uncleaned)

    def before(self, flow: Flow) -> tuple[Left | None, str]:
        """Do what comes before a rollback, and keep what came of it; else why it could not be done."""
        moment = self.rewound.get(flow.database)
        if moment:
            return None, f"{flow.database} goes back to {moment[:19]}, and what is written now would be lost"
        left = self._begun(flow)
        finding, left = self._steps(flow, flow.before, left)
        if finding.verdict != PASS:
            return None, finding.detail
        return self.things.keep(left), ""

    def tried_across(self, flow: Flow, why_not: str | None) -> Finding:
        """Use what an earlier time has left; then see to it that the next time finds something too.

        ``why_not`` is why nothing could be made before this run's change; ``None``: nothing was changed.
        """
        old, notes = self._usable(flow)
        if old is not None:
            finding = self._again(flow, old)
            if finding.verdict == PASS or finding.unfinished:
                return _with(finding, notes)
        new, why = self._made_now(flow)
        if old is not None:
            if new is None:
                return _with(finding, [*notes, "nor does it work with what is made now"])
            notes += self.cleaned(old)
            return _with(finding, [*notes, "it works with what is made now"])
        if new is None:
            return why
        if why_not is None:
            return _with(why, notes)
        notes.append(f"not known whether anything survived the change: {why_not or 'what was made is gone'}")
        return _with(replace(why, verdict=INCONCLUSIVE), notes)

    def not_kept(self, flow: Flow, finding: Finding) -> Finding:
        """The same finding, with nothing left for the next time."""
        kept = [left for left in self.things.kept() if left.flow == flow.name]
        return _with(finding, [note for left in kept for note in self.cleaned(left)])

    def cleaned(self, left: Left) -> list[str]:
        """Clean up after an attempt; what is not clean yet stays written down. The problems, in words."""
        hide = self._hider(left.values)
        known = {**self.values, **self.secrets, **left.values}
        until = time.monotonic() + _FOR_CLEANUP
        notes = []
        for declared in left.cleanup:
            step = Step.of(declared)
            try:
                taken = take(step, known, self._way(until), _CLEAN)
            except Unknown as error:
                # Either it was never made, or only an answer that never came knows its name.
                if error.name in left.awaited:
                    notes.append(f"something may be left: the answer with {error.name} never came")
                continue
            if taken.problems:
                return [hide.text(f"not cleaned up yet: {step.name}: {'; '.join(taken.problems)}")]
            known |= taken.captured
        self.things.forget(left)
        return notes

    def _begun(self, flow: Flow) -> Left:
        """Written down before anything is sent. Raises OSError."""
        values = own_values(self.run, self.since)
        self.learn(values["password"])
        left = Left(
            flow.name,
            flow.component,
            self.run,
            list(flow.cleanup),
            values,
            lasts=flow.lasts,
            database=flow.database,
        )
        return self._noted(left)

    def _steps(self, flow: Flow, steps: Sequence[Step], left: Left) -> tuple[Finding, Left]:
        """What came of the steps, and what is left with the values that they gave."""
        seconds: dict[str, float] = {}

        def found(verdict: str, detail: str = "", *, unfinished: bool = False) -> tuple[Finding, Left]:
            detail = self._hider(left.values).text(detail)[:_LONGEST]
            return Finding(flow.name, flow.component, verdict, detail, 1, seconds, unfinished), left

        for step in steps:
            if time.monotonic() >= self.until:
                return found(INCONCLUSIVE, f"the time was over before {step.name}", unfinished=True)
            if step.capture:
                left = self._noted(replace(left, awaited=list(step.capture)))
            try:
                taken = self._taken(step, left)
            except Unknown as error:
                return found(FAIL, f"{step.name}: {error}")
            seconds[step.name] = round(taken.seconds, 4)
            came = {name: value for name, value in taken.captured.items() if value is not None}
            if came:
                # Of an answer that is wrong too: what it names may have to be cleaned up.
                left = self._noted(replace(left, values={**left.values, **came}, awaited=[]))
            if taken.problems:
                return found(FAIL, f"{step.name}: {'; '.join(taken.problems)}")
        return found(PASS)

    def _noted(self, left: Left) -> Left:
        """Written down, if there is anything to be done with it. Raises OSError."""
        if left.cleanup or left.lasts:
            self.things.write(left)
        return left

    def _taken(self, step: Step, left: Left) -> Taken:
        return take(step, {**self.values, **self.secrets, **left.values}, self._way(self.until))

    def _usable(self, flow: Flow) -> tuple[Left | None, list[str]]:
        """The newest that is kept and of use; what is not is cleaned up."""
        usable, notes = None, []
        for left in self.things.kept():
            if left.flow != flow.name:
                continue
            if usable is None and not left.over and not self._went_back_behind(left):
                usable = left
            else:
                notes += self.cleaned(left)
        return usable, notes

    def _went_back_behind(self, left: Left) -> bool:
        moment = self.rewound.get(left.database)
        return bool(moment) and datetime.fromisoformat(str(moment)).timestamp() <= left.made

    def _again(self, flow: Flow, left: Left) -> Finding:
        ours = own_values(self.run, self.since)
        left = replace(left, values={**left.values, **{name: ours[name] for name in _OF_THE_RUN}})
        attempts = 0
        while True:
            attempts += 1
            finding, _ = self._steps(flow, flow.steps, left)
            if finding.verdict == PASS or attempts == _ATTEMPTS or not self._pause():
                return replace(finding, attempts=attempts)

    def _made_now(self, flow: Flow) -> tuple[Left | None, Finding]:
        """``before`` and the steps at once, again after a failure; kept when all of it works."""
        attempts = 0
        while True:
            attempts += 1
            left = self._begun(flow)
            finding, left = self._steps(flow, (*flow.before, *flow.steps), left)
            finding = replace(finding, attempts=attempts)
            if finding.verdict == PASS:
                return self.things.keep(left), finding
            uncleaned = self.cleaned(left)
            if attempts == _ATTEMPTS or not self._pause():
                return None, _with(finding, uncleaned)

    def _pause(self) -> bool:
        """Wait a little, if there is time for another attempt."""
        if time.monotonic() + _PAUSE >= self.until:
            return False
        time.sleep(_PAUSE)
        return True

    def _way(self, until: float) -> Way:
        return replace(self.way, timeout=max(0.1, min(self.way.timeout, until - time.monotonic())))

    def _hider(self, values: Mapping[str, Any]) -> Redactor:
        """Hides what flows use: nothing of it is for a journal."""
        hidden = [*self.secrets.values(), *(value for name, value in values.items() if name != "run")]
        return Redactor(value for value in hidden if isinstance(value, str))


def _with(finding: Finding, notes: list[str]) -> Finding:
    return replace(finding, detail="; ".join(filter(None, [finding.detail, *notes]))) if notes else finding
