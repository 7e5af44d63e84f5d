"""One scenario from its beginning to its proof: deploy a test change, roll back, validate (S104-S106)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..journal import Journal
from ..probe.contract import Contract
from ..release.model import State
from .ask import NoAnswer, Vantage
from .child import Broken, Ended, Playbooks, follow, last_words
from .databases import Held, hold, say
from .inject import Faults, deploy
from .observer import Observer, observing
from .result import ABORTED, NOT_APPLICABLE, Result, judge
from .scenario import Action, Scenario
from .sentinel import Sentinel, writing
from .settings import Settings

__all__ = ["Aborted", "Means", "run"]

_LOOK = 0.1
# Seconds in which all has to be well again once nothing is in the way any more.
_WELL_AGAIN = 60.0
_ROUNDS_WELL = 2


class Aborted(Exception):
    """The drill goes no further: it heals what it did, and proves it."""


@dataclass(frozen=True)
class Means:
    """What a drill works with. ``states`` reads what Cloudflare serves; ``until`` is the end of the time box."""

    settings: Settings
    journal: Journal
    playbooks: Playbooks
    contracts: Mapping[str, Contract]
    vantage_points: Mapping[str, Vantage]
    cloudflare: Mapping[str, Any]
    databases: Mapping[str, Mapping[str, Any]]
    states: Callable[[], dict[str, State]]
    probing: Mapping[str, Any]
    folder: Path
    until: float


def run(scenario: Scenario, means: Means) -> Result:
    """Run it; whatever happens, what was done is taken back, and what serves afterwards is proved."""
    result = Result(scenario.name, scenario.title, scenario.family)
    why = _not_applicable(scenario, means)
    if why:
        result.verdict, result.why = NOT_APPLICABLE, why
        return result
    began = time.monotonic()
    _Run(scenario, means, result, began + scenario.seconds).work()
    result.seconds = round(time.monotonic() - began, 2)
    return result


def _not_applicable(scenario: Scenario, means: Means) -> str:
    if scenario.needs_faults and not means.settings.faults:
        return "drills.faults is not set: nothing there can inject a fault with a lease"
    missing = [name for name in scenario.needs if name not in {*means.databases, *means.contracts}]
    if missing:
        return f"there is no {', '.join(missing)} in this environment"
    if not means.settings.migrate and any(action.kind == "migrate" for action in scenario.method):
        return "drills.migrate is not set"
    if any(action.kind == "edge" for action in scenario.method) and scenario.split:
        return "" if len(means.vantage_points) > 1 else "drills.vantage_points has only one"
    return ""


@dataclass
class _Run:
    scenario: Scenario
    means: Means
    result: Result
    until: float
    faults: Faults = field(init=False)
    held: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.faults = Faults(self.means.settings.faults)
        self.log = self.means.folder / self.scenario.name / "output.log"
        points = list(self.means.vantage_points.items())
        self.observer = Observer(
            self.means.contracts,
            # From a second place only where it makes a difference: each question costs both sides.
            dict(points if self.scenario.split else points[:1]),
            max_skew=self.means.probing["max_skew"],
            slow=self.means.probing["slow"],
        )

    def work(self) -> None:
        result, journal = self.result, self.means.journal
        first = self.observer.round()
        if not first.all_well:
            sick = sorted(first.failing() | first.split())
            result.verdict, result.why = ABORTED, f"it was not well before: {', '.join(sick)}"
            return
        before = _serving(self.means.states())
        name = f"{journal.run} {self.scenario.name}"
        declared = self.means.settings.sentinel
        sentinel = (
            Sentinel(next(iter(self.means.vantage_points.values())), declared, name) if declared else None
        )
        with observing(self.observer), writing(sentinel):
            try:
                with journal.stage("deploy a test change", scenario=self.scenario.name):
                    self._inject(before)
                with journal.stage("roll back", scenario=self.scenario.name):
                    self._roll_back()
            except (Aborted, Broken) as error:
                result.verdict, result.why = ABORTED, str(error)
                self._say("aborted", result.why)
            finally:
                with journal.stage("validate", scenario=self.scenario.name):
                    self._heal(before)
                    self._prove(before)
        if sentinel:
            self._count(sentinel)
        self.observer.look(self._take)
        if result.verdict != ABORTED:
            judge(self.scenario, result)

    # --- the phases

    def _inject(self, before: Mapping[str, str | None]) -> None:
        for number, action in enumerate(self.scenario.method, 1):
            self._say("inject", action.name)
            at = datetime.now(UTC)
            if action.kind == "deploy":
                self._deploy(action, number)
                at = _went_live(self.means.states(), before) or at
            elif action.kind in ("edge", "api"):
                self.faults.place(action)
                at = datetime.now(UTC)
            else:
                self._on_database(action)
            self.result.moments.setdefault("inject", at)
            self._check()

    def _deploy(self, action: Action, number: int) -> None:
        deploy(
            self.means.settings.deploy,
            action.given,
            release=f"drill-{self.means.journal.run[-6:]}-{self.scenario.name}-{number}",
            cloudflare=self.means.cloudflare,
            root=self.means.playbooks.root,
            log=self.log,
            each_look=self._check,
        )

    def _on_database(self, action: Action) -> None:
        if action.kind == "wait":
            self._wait(action.given, lambda: False)
            return
        if action.kind == "migrate":
            self._migrate(action)
            return
        database = self.means.databases[action.given["database"]]
        if action.kind == "lock":
            self.held.append(hold(database, action.given["table"], action.given["lease_seconds"]))
        else:
            say(database, action.given["sql"])

    def _migrate(self, action: Action) -> None:
        command = [*self.means.settings.migrate, *action.given]
        code = follow(command, cwd=self.means.playbooks.root, environ=os.environ, log=self.log)
        if code:
            raise Broken(f"{' '.join(command)} ended with {code}: {last_words(self.log)}")

    def _roll_back(self) -> None:
        """Wait for what an observer would see, and let the real rollback decide."""
        result, scenario = self.result, self.scenario
        wanted = scenario.signal
        if scenario.split:
            self._wait(scenario.watch, lambda: self.observer.look(lambda watch: bool(watch.splits)))
            result.signal = sorted(self.observer.look(lambda watch: set(watch.splits) | set(watch.signals)))
        else:
            self._wait(
                scenario.watch,
                lambda: bool(wanted) and self.observer.look(lambda watch: wanted <= set(watch.signals)),
            )
            result.signal = sorted(self.observer.look(lambda watch: set(watch.signals)))
        times = self.observer.look(lambda watch: [signal.time for signal in watch.signals.values()])
        if not times:
            # Nothing failed from everywhere, so nothing starts a rollback.
            result.decision = "leave"
            self._say("decide", "no signal from everywhere, so no rollback is started")
            return
        result.moments["detect"] = min(times)
        self._say("detect", f"seen to fail: {', '.join(result.signal)}")
        ended = self._rollback({"automatic": True, "trigger": scenario.trigger, **self._incident()})
        result.decision = ended.decision
        for moment in ("decided", "first_change", "last_change", "verified"):
            at: datetime | None = getattr(ended, moment)
            if at is not None and (moment != "verified" or ended.first_change):
                result.moments["decide" if moment == "decided" else moment] = at
        self._say("decide", f"{ended.decision.replace('_', ' ')}: {ended.message}")

    def _heal(self, before: Mapping[str, str | None]) -> None:
        """Take back what was done. Nothing of it may stop the rest of it."""
        self.result.findings += self.faults.end()
        for held in self.held:
            held.release()
        for action in self.scenario.rollbacks:
            try:
                self._heal_by(action)
            except Broken as error:
                self.result.findings.append(f"{action.name}: {error}")
        try:
            if _serving(self.means.states()) != before:
                self._say("heal", "the release of before is put back")
                self._rollback(self._incident())
        except Exception as error:
            # Cloudflare may be what is away; then it is not proved, which says it.
            self.result.findings.append(f"what serves could not be put back: {error}")

    def _heal_by(self, action: Action) -> None:
        self._say("heal", action.name)
        if action.kind == "rollback":
            self._rollback({**self._incident(), **action.given})
        elif action.kind == "migrate":
            self._migrate(action)
        elif action.kind == "statement":
            say(self.means.databases[action.given["database"]], action.given["sql"])
        else:
            time.sleep(action.given)

    def _prove(self, before: Mapping[str, str | None]) -> None:
        """The same versions serve as before, and all is well from everywhere."""
        marked = self.observer.look(lambda watch: watch.rounds)
        deadline = time.monotonic() + _WELL_AGAIN

        def well() -> bool:
            return self.observer.look(
                lambda watch: watch.well_since is not None and watch.rounds >= marked + _ROUNDS_WELL
            )

        while not well() and time.monotonic() < deadline:
            time.sleep(_LOOK)
        since, failed = self.observer.look(lambda watch: (watch.well_since, watch.failed_requests))
        if since is not None and "inject" in self.result.moments:
            # What nobody saw to fail was there all the time.
            self.result.moments["restored"] = (
                max(since, self.result.moments["inject"]) if failed else self.result.moments["inject"]
            )
        try:
            same = _serving(self.means.states()) == before
        except Exception as error:
            self.result.findings.append(f"what serves cannot be read: {error}")
            same = False
        self.result.steady = same and since is not None
        self._say(
            "validate", "as before, and well from everywhere" if self.result.steady else "NOT as before"
        )

    def _count(self, sentinel: Sentinel) -> None:
        self.result.acknowledged = sentinel.acknowledged
        try:
            self.result.rpo = len(sentinel.missing())
            sentinel.clean_up()
        except NoAnswer as error:
            self.result.findings.append(f"the sentinel's writes could not be read back: {error}")

    # --- around them

    def _rollback(self, variables: Mapping[str, Any]) -> Ended:
        ended = self.means.playbooks.rollback(self.log, variables)
        self.result.runs.append(ended.run)
        return ended

    def _incident(self) -> dict[str, Any]:
        detected = self.result.moments.get("detect")
        return {
            "drill": True,
            "freeze": False,
            "incident": f"{self.means.journal.run}-{self.scenario.name}",
            "reason": f"drill: {self.scenario.title}",
            # One scenario follows another; the pause between two is for real incidents.
            "decide_cooldown": 0,
            **({"detected": detected.isoformat()} if detected else {}),
        }

    def _wait(self, seconds: float, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while not reached() and time.monotonic() < deadline:
            self._check()
            time.sleep(_LOOK)

    def _check(self) -> None:
        """The reasons to go no further. Not looked at while a rollback runs: that is what heals."""
        now = time.monotonic()
        if now > self.means.until:
            raise Aborted(f"the time box of {self.means.settings.time_box:g} s is over")
        if now > self.until:
            raise Aborted(f"the scenario took longer than {self.scenario.seconds:g} s")
        if self.means.settings.stop_file.exists():
            raise Aborted(f"the stop file {self.means.settings.stop_file} is there")
        outside, failed = self.observer.look(
            lambda watch: (watch.outside(self.scenario.blast_radius), watch.failed_requests)
        )
        if outside:
            told = "; ".join(f"{signal.component} ({signal.problems[0]})" for signal in outside)
            raise Aborted(f"outside of its blast radius: {told}")
        if failed > self.scenario.failed_requests:
            raise Aborted(f"{failed} failed requests, more than {self.scenario.failed_requests}")

    def _take(self, watch: Any) -> None:
        self.result.requests, self.result.failed_requests = watch.requests, watch.failed_requests

    def _say(self, step: str, text: str) -> None:
        self.means.journal.write("drill", scenario=self.scenario.name, step=step, said=text)


def _serving(states: Mapping[str, State]) -> dict[str, str | None]:
    return {name: state.live.sole if state.live else None for name, state in states.items()}


def _went_live(states: Mapping[str, State], before: Mapping[str, str | None]) -> datetime | None:
    """When the first component served something new, as Cloudflare says."""
    new = [
        state.live.created
        for name, state in states.items()
        if state.live and state.live.sole != before.get(name)
    ]
    return min(new, default=None)
