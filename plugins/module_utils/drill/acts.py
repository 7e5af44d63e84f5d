"""What a drill does, action by action, with the time of each: of the method, the rollback, and what heals."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from ..cloudflare.client import Client
from ..cloudflare.errors import CloudflareError
from ..journal import Journal
from ..probe.contract import Contract
from ..release.model import State
from .ask import Vantage
from .child import Broken, Ended, Playbooks, follow, last_words
from .databases import Held, hold, say
from .inject import Faults, deploy
from .scenario import Action, Scenario
from .settings import Settings

__all__ = ["Activity", "Acts", "Means", "serving"]


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
    targets: Mapping[str, str]
    client: Client
    states: Callable[[], dict[str, State]]
    probing: Mapping[str, Any]
    folder: Path
    until: float


@dataclass
class Activity:
    """Something that was done; ``where`` is ``method`` or ``rollbacks``, ``output`` what came of it."""

    name: str
    where: str
    start: datetime
    end: datetime | None = None
    status: str = "failed"
    output: Any = None


@dataclass
class Acts:
    """Does what a scenario asks for. ``check`` is called while something takes its time, and may raise."""

    scenario: Scenario
    means: Means
    log: Path
    check: Callable[[], None]
    detected: datetime | None = None
    activities: list[Activity] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    faults: Faults = field(init=False)
    held: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.faults = Faults(self.means.settings.faults)

    def inject(self, action: Action, number: int, before: Mapping[str, str | None]) -> datetime:
        """Do an action of the method; when it took effect. Raises :class:`Broken`."""
        with self._activity(action.name, "method") as done:
            if action.kind != "wait":
                self.means.journal.write("drill.fault", scenario=self.scenario.name, kind=action.kind)
            if action.kind == "deploy":
                began = self._deploy(action, number)
                return _went_live(self.means.states(), before) or began
            if action.kind in ("edge", "api"):
                done.output = self.faults.place(action)
            elif action.kind == "secret":
                self._add_secret(action)
            elif action.kind == "lock":
                database = self.means.databases[action.given["database"]]
                self.held.append(hold(database, action.given["table"], action.given["lease_seconds"]))
            else:
                self._other(action)
            return datetime.now(UTC)

    def decide(self) -> Ended:
        """The real rollback, started as a monitoring would: it decides by itself."""
        return self._rollback(_DECIDES, "method", {"automatic": True, "trigger": self.scenario.trigger})

    def lift(self) -> list[str]:
        """End what has a lease, before it ends by itself, and take new secrets away; in words, what could not be."""
        left = self.faults.end()
        for held in self.held:
            held.release()
        for action in self.scenario.method:
            if action.kind == "secret":
                try:
                    self._remove_secret(action)
                except CloudflareError as error:
                    left.append(f"{action.name}: the secret is still there: {error}")
        return left

    def heal(self, action: Action) -> None:
        """Do an action of ``rollbacks``. Raises :class:`Broken`."""
        if action.kind == "rollback":
            self._rollback(action.name, "rollbacks", action.given)
            return
        with self._activity(action.name, "rollbacks"):
            self._other(action)

    def put_back(self) -> None:
        """Back to the release of before, as a person would. Raises :class:`Broken`."""
        ended = self._rollback("the release of before is put back", "rollbacks", {})
        if ended.code:
            raise Broken(f"rollback.yml ended with {ended.code}: {ended.message}")

    def variables(self) -> dict[str, Any]:
        """What every rollback of the drill is told."""
        return {
            "drill": True,
            "freeze": False,
            "incident": f"{self.means.journal.run}-{self.scenario.name}",
            "reason": f"drill: {self.scenario.title}",
            **({"detected": self.detected.isoformat()} if self.detected else {}),
        }

    def _rollback(self, name: str, where: str, variables: Mapping[str, Any]) -> Ended:
        with self._activity(name, where, "rollback") as done:
            ended = self.means.playbooks.rollback(self.log, {**self.variables(), **variables})
            done.output = {"run": ended.run, "exit_code": ended.code, "message": ended.message}
        self.runs.append(ended.run)
        return ended

    def _deploy(self, action: Action, number: int) -> datetime:
        return deploy(
            self.means.settings.deploy,
            action.given,
            release=f"drill-{self.means.journal.run[-6:]}-{self.scenario.name}-{number}",
            cloudflare=self.means.cloudflare,
            root=self.means.playbooks.root,
            log=self.log,
            each_look=self.check,
        )

    def _add_secret(self, action: Action) -> None:
        body = {"name": action.given["name"], "text": token_hex(16), "type": "secret_text"}
        try:
            self.means.client.call("PUT", self._secrets(action), body)
        except CloudflareError as error:
            raise Broken(f"{action.name}: {error}") from None

    def _remove_secret(self, action: Action) -> None:
        """Before anything goes back: Cloudflare changes secrets only while the newest version serves."""
        place = self._secrets(action)
        if any(found["name"] == action.given["name"] for found in self.means.client.read(place)):
            self.means.client.call("DELETE", f"{place}/{action.given['name']}")

    def _secrets(self, action: Action) -> str:
        return f"workers/scripts/{self.means.targets[action.given['component']]}/secrets"

    def _other(self, action: Action) -> None:
        if action.kind == "wait":
            until = time.monotonic() + action.given
            while time.monotonic() < until:
                self.check()
                time.sleep(0.1)
        elif action.kind == "migrate":
            command = [*self.means.settings.migrate, *action.given]
            code = follow(command, cwd=self.means.playbooks.root, environ=os.environ, log=self.log)
            if code:
                raise Broken(f"{' '.join(command)} ended with {code}: {last_words(self.log)}")
        else:
            say(self.means.databases[action.given["database"]], action.given["sql"])

    @contextmanager
    def _activity(self, name: str, where: str, step: str = "") -> Iterator[Activity]:
        step = step or _STEPS[where]
        self.means.journal.write("drill", scenario=self.scenario.name, step=step, said=name)
        activity = Activity(name, where, datetime.now(UTC))
        self.activities.append(activity)
        try:
            yield activity
            activity.status = "succeeded"
        except Exception as error:
            activity.output = str(error)
            raise
        finally:
            activity.end = datetime.now(UTC)


_DECIDES = "an automatic rollback decides"
_STEPS = {"method": "inject", "rollbacks": "heal"}


def serving(states: Mapping[str, State]) -> dict[str, str | None]:
    """The version that serves, per component; ``None`` in a split."""
    return {name: state.live.sole if state.live else None for name, state in states.items()}


def _went_live(states: Mapping[str, State], before: Mapping[str, str | None]) -> datetime | None:
    """When the first component served something new, as Cloudflare says."""
    now = serving(states)
    new = [
        state.live.created for name, state in states.items() if state.live and now[name] != before.get(name)
    ]
    return min(new, default=None)
