"""One scenario from its beginning to its proof: deploy a test change, roll back, validate (S104-S106)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from ..concurrent import alongside
from .acts import Acts, Means, serving
from .ask import NoAnswer
from .child import LEAVE, Broken
from .deadman import Deadman
from .observer import Observer
from .result import ABORTED, NOT_APPLICABLE, Result, judge
from .scenario import Scenario
from .sentinel import Sentinel
from .watch import Round, Watch

__all__ = ["Aborted", "heal", "run"]

_LOOK = 0.1
# Seconds in which all has to be well again once nothing is in the way any more.
_WELL_AGAIN = 60.0
# Seconds to look for a round in which all is well, before something is broken.
_WELL_BEFORE = 15.0
_ROUNDS_WELL = 2
_NOTICED = ("deploy", "edge")


class Aborted(Exception):
    """The drill goes no further: it heals what it did, and proves it."""


def run(scenario: Scenario, means: Means) -> Result:
    """Run it; whatever happens, what was done is taken back, and what serves afterwards is proved."""
    result = Result(scenario.name, scenario.title, scenario.family)
    why = _not_applicable(scenario, means)
    if why:
        result.verdict, result.why = NOT_APPLICABLE, why
        return result
    began = time.monotonic()
    with Deadman(
        means.playbooks.command("drill.yml", {"scenarios": scenario.name, "heal": True}),
        cwd=means.playbooks.root,
        # Nobody is there to type anything.
        environ={**means.playbooks.environ, "CI": "true"},
        log=means.folder / "deadman.log",
    ):
        _Run(scenario, means, result, began + scenario.seconds).work()
    result.seconds = round(time.monotonic() - began, 2)
    return result


def heal(scenario: Scenario, means: Means) -> list[str]:
    """Take back what a killed drill of the scenario left, or nothing; the problems, in words."""
    acts = Acts(scenario, means, means.folder / scenario.name / "output.log", lambda: None)
    works: list[tuple[str, Callable[[], None]]] = [
        (action.name, partial(acts.heal, action)) for action in scenario.rollbacks
    ]
    problems = acts.lift()
    for name, work in (*works, ("the release of before", acts.put_back)):
        try:
            work()
        except Broken as error:
            problems.append(f"{name}: {error}")
    return problems


def _not_applicable(scenario: Scenario, means: Means) -> str:
    if scenario.needs_faults and not means.settings.faults:
        return "drills.faults is not set: nothing there can inject a fault with a lease"
    missing = [name for name in scenario.needs if name not in {*means.databases, *means.contracts}]
    if missing:
        return f"there is no {', '.join(missing)} in this environment"
    if not means.settings.migrate and any(action.kind == "migrate" for action in scenario.method):
        return "drills.migrate is not set"
    if scenario.split and len(means.vantage_points) < 2:
        return "drills.vantage_points has only one"
    return ""


@dataclass
class _Run:
    scenario: Scenario
    means: Means
    result: Result
    until: float

    def __post_init__(self) -> None:
        log = self.means.folder / self.scenario.name / "output.log"
        self.acts = Acts(self.scenario, self.means, log, self._check)
        points = list(self.means.vantage_points.items())
        self.observer = Observer(
            self.means.contracts,
            # From a second place only where it makes a difference: each question costs both sides.
            dict(points if self.scenario.split else points[:1]),
            max_skew=self.means.probing["max_skew"],
            slow=self.means.probing["slow"],
        )

    def work(self) -> None:
        result, journal, name = self.result, self.means.journal, self.scenario.name
        first = self._before()
        if not first.all_well:
            sick = ", ".join(sorted(first.failing() | first.split()))
            result.verdict, result.why = ABORTED, f"nothing was done, because it was not well before: {sick}"
            return
        before = serving(self.means.states())
        sentinel = self._sentinel()
        writes = alongside(sentinel.run, sentinel.end) if sentinel else nullcontext()
        with alongside(self.observer.run, self.observer.end), writes:
            try:
                with journal.stage("deploy a test change", scenario=name):
                    self._inject(before)
                with journal.stage("roll back", scenario=name):
                    self._roll_back()
            except (Aborted, Broken) as error:
                result.verdict, result.why = ABORTED, str(error)
                self._say("aborted", result.why)
            finally:
                with journal.stage("validate", scenario=name):
                    self._heal(before)
                    self._prove(before)
        if sentinel:
            self._count(sentinel)
        result.runs, result.activities = self.acts.runs, self.acts.activities
        result.requests, result.failed_requests = self.observer.look(
            lambda watch: (watch.requests, watch.failed_requests)
        )
        if result.verdict != ABORTED:
            judge(self.scenario, result)

    def _before(self) -> Round:
        """A round in which all is well, if there is one soon."""
        deadline = time.monotonic() + _WELL_BEFORE
        while not (found := self.observer.round()).all_well and time.monotonic() < deadline:
            time.sleep(_LOOK)
        return found

    def _sentinel(self) -> Sentinel | None:
        declared = self.means.settings.sentinel
        if not declared:
            return None
        point = next(iter(self.means.vantage_points.values()))
        return Sentinel(point, declared, f"{self.means.journal.run} {self.scenario.name}")

    def _inject(self, before: Mapping[str, str | None]) -> None:
        seen = False
        for number, action in enumerate(self.scenario.method, 1):
            at = self.acts.inject(action, number, before)
            if not seen:
                # What users do not notice, as a lock or an API that is away, is not yet what broke.
                self.result.moments["inject"] = at
                seen = action.kind in _NOTICED
            self._check()

    def _roll_back(self) -> None:
        """Wait for what an observer would see, and let the real rollback decide."""
        result, scenario = self.result, self.scenario
        self._wait(scenario.watch, lambda: self.observer.look(self._is_seen))
        seen = self.observer.look(
            lambda watch: set(watch.signals) | (set(watch.splits) if scenario.split else set())
        )
        result.signal = sorted(seen)
        signals = self.observer.look(lambda watch: list(watch.signals.values()))
        if not signals:
            result.decision = LEAVE
            self._say("decide", "nothing fails from everywhere, so no rollback is started")
            return
        result.moments["detect"] = self.acts.detected = min(signal.time for signal in signals)
        # A release may do harm before it is live: its migration comes first.
        result.moments["inject"] = min(result.moments["inject"], *(signal.since for signal in signals))
        self._say("detect", f"seen to fail: {', '.join(result.signal)}")
        ended = self.acts.decide()
        result.decision = ended.decision
        known: dict[str, datetime | None] = {
            "decide": ended.decided,
            "first_change": ended.first_change,
            "last_change": ended.last_change,
            "verified": ended.verified if ended.first_change else None,
        }
        result.moments |= {name: at for name, at in known.items() if at is not None}
        self._say("decide", f"{ended.decision.replace('_', ' ')}: {ended.message}")

    def _is_seen(self, watch: Watch) -> bool:
        if self.scenario.split:
            return bool(watch.splits)
        return bool(self.scenario.signal) and self.scenario.signal <= set(watch.signals)

    def _heal(self, before: Mapping[str, str | None]) -> None:
        """Take back what was done. Nothing of it may stop the rest of it."""
        self.result.findings += self.acts.lift()
        for action in self.scenario.rollbacks:
            self._try(partial(self.acts.heal, action), action.name)
        self._try(lambda: self._put_back(before), "what serves could not be put back")

    def _put_back(self, before: Mapping[str, str | None]) -> None:
        if serving(self.means.states()) != before:
            self.acts.put_back()

    def _try(self, work: Callable[[], Any], what: str) -> None:
        try:
            work()
        except Exception as error:
            # Cloudflare may be what is away. What is not as before is found by the proof.
            self.result.findings.append(f"{what}: {error}")

    def _prove(self, before: Mapping[str, str | None]) -> None:
        """The same versions serve as before, and all is well from everywhere."""
        marked = self.observer.look(lambda watch: watch.rounds)
        deadline = time.monotonic() + _WELL_AGAIN

        def well(watch: Watch) -> bool:
            return watch.well_since is not None and watch.rounds >= marked + _ROUNDS_WELL

        while not self.observer.look(well) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        since, failed = self.observer.look(lambda watch: (watch.well_since, watch.failed_requests))
        moments = self.result.moments
        if since is not None and "inject" in moments:
            # What nobody saw to fail was there all the time.
            moments["restored"] = max(since, moments["inject"]) if failed else moments["inject"]
        try:
            same = serving(self.means.states()) == before
        except Exception as error:
            self.result.findings.append(f"what serves cannot be read: {error}")
            same = False
        self.result.steady = same and since is not None
        self._say("validate", "as before, and well" if self.result.steady else "NOT as before")

    def _count(self, sentinel: Sentinel) -> None:
        self.result.acknowledged = sentinel.acknowledged
        try:
            self.result.rpo = len(sentinel.missing())
            sentinel.clean_up()
        except NoAnswer as error:
            self.result.findings.append(f"the sentinel's writes could not be read back: {error}")

    def _wait(self, seconds: float, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not reached() and time.monotonic() < deadline:
            self._check()
            time.sleep(_LOOK)

    def _check(self) -> None:
        """The reasons to go no further. Not looked at while a rollback runs: that is what heals."""
        now, settings = time.monotonic(), self.means.settings
        if now > self.means.until:
            raise Aborted(f"the time box of {settings.time_box:g} s is over")
        if now > self.until:
            raise Aborted(f"the scenario took longer than {self.scenario.seconds:g} s")
        if settings.stop_file.exists():
            raise Aborted(f"the stop file {settings.stop_file} is there")
        outside, failed = self.observer.look(
            lambda watch: (watch.outside(self.scenario.blast_radius), watch.failed_requests)
        )
        if outside:
            told = "; ".join(f"{signal.component} ({signal.problems[0]})" for signal in outside)
            raise Aborted(f"outside of its blast radius: {told}")
        if failed > self.scenario.failed_requests:
            raise Aborted(f"{failed} failed requests, more than {self.scenario.failed_requests}")

    def _say(self, step: str, text: str) -> None:
        self.means.journal.write("drill", scenario=self.scenario.name, step=step, said=text)
