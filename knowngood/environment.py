"""An environment, and what can be done with it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ansible.module_utils.journal import FILE, new_run_id, read, runs_folder
from ansible.module_utils.running import Running, under_way

from .inventory import NotUsable, project
from .order import Order
from .run import Run

__all__ = ["Environment", "Tier", "Trigger", "text"]

Tier = Literal["quick", "flows", "signals", "watch", "full"]

Trigger = Literal["person", "deploy", "health", "performance", "errors", "database", "payments", "security"]


class Environment:
    """One environment, by the name of its inventory (``production``) or by the path of one.

    ``root`` is the folder of ``ansible.cfg`` and the playbooks, ``runs`` the folder of the runs: by default
    ``KNOWNGOOD_RUNS``, or ``.runs`` in the root. ``environ`` are the environment variables of the runs, those of this
    process by default. Raises :class:`NotUsable` when there is no such inventory.

    Every verb starts a playbook and gives its :class:`Run` at once. Arguments are the variables of the same name,
    documented in roles/preflight/meta/argument_specs.yml; what is ``None`` is left to the inventory. ``extra`` takes
    variables that have no argument here, ``limit`` hosts and groups, and ``timeout`` is in seconds: the run is
    cancelled after them.
    """

    def __init__(
        self,
        name: str,
        *,
        root: str | os.PathLike[str] | None = None,
        runs: str | os.PathLike[str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.root = Path(root or project()).absolute()
        there = [path for path in (self.root / name, Path(name).absolute()) if path.exists()]
        if not there:
            raise NotUsable(f"there is no inventory {name} in {self.root}")
        self.inventory = there[0]
        self.name = there[0].parent.name if there[0].is_file() else there[0].name
        self.runs = Path(runs or runs_folder(self.root)).absolute()
        self._environ = environ

    def rollback(
        self,
        *,
        release: str | None = None,
        plan: str | None = None,
        resume: str | None = None,
        undo: str | None = None,
        reason: str | None = None,
        incident: str | None = None,
        severity: Literal["CRITICAL", "HIGH", "MEDIUM", "LOW"] | None = None,
        detected: str | None = None,
        automatic: bool | None = None,
        trigger: Trigger | None = None,
        approved_by: str | None = None,
        emergency: str | None = None,
        accept_loss: str | None = None,
        accept_secret_change: bool | None = None,
        on_partial: Literal["converge", "restore", "stop"] | None = None,
        rehearse: bool | None = None,
        limit: str | None = None,
        check: bool = False,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """Go back to a release that is known to be good, or to the one that is named; ``check`` only says how."""
        given = {
            "release": release,
            "plan": plan,
            "resume": resume,
            "undo": undo,
            "reason": reason,
            "incident": incident,
            "severity": severity,
            "detected": detected,
            "automatic": automatic,
            "trigger": trigger,
            "approved_by": approved_by,
            "emergency": emergency,
            "accept_loss": accept_loss,
            "accept_secret_change": accept_secret_change,
            "on_partial": on_partial,
            "rehearse": rehearse,
        }
        arguments = ("--check", "--diff") if check else ()
        return self.start("rollback", given, extra, limit=limit, arguments=arguments, timeout=timeout)

    def plan(
        self,
        *,
        release: str | None = None,
        plan_to: str | None = None,
        limit: str | None = None,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """Write down what a rollback would do, for somebody to approve: ``result().plan["hash"]`` names it."""
        given = {"release": release, "plan_to": plan_to}
        return self.start("plan", given, extra, limit=limit, timeout=timeout)

    def validate(
        self,
        tier: Tier = "quick",
        *,
        limit: str | None = None,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """Prove that the environment works: its contracts, and by tier what users do, signals, rates, or a watch."""
        return self.start("validate", {}, extra, limit=limit, arguments=("--tags", tier), timeout=timeout)

    def status(
        self,
        *,
        limit: str | None = None,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """What is live, since when, and to which release it belongs: ``result().status``."""
        return self.start("status", {}, extra, limit=limit, timeout=timeout)

    def record(
        self,
        *,
        release: str | None = None,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """Validate what is live, and record it as a release that is known to be good."""
        return self.start("record", {"release": release}, extra, timeout=timeout)

    def drill(
        self,
        scenarios: str = "short",
        *,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """Break the environment on purpose, let the rollback decide, and prove that all is as before.

        Nobody is there to type a confirmation, so the environment has to allow drills that nobody watches.
        """
        given = {"scenarios": scenarios, "drill_unattended": True}
        return self.start("drill", given, extra, timeout=timeout)

    def watch(
        self,
        seconds: float = 600,
        *,
        limit: str | None = None,
        timeout: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Run:
        """Watch the environment after a deploy, 0 for ever, and roll back when what was deployed does not work."""
        return self.start("watch", {"for": seconds}, extra, limit=limit, timeout=timeout)

    def start(
        self,
        playbook: str,
        given: Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        *,
        limit: str | None = None,
        arguments: Sequence[str] = (),
        timeout: float | None = None,
    ) -> Run:
        """Any playbook of the root, by its name without ``.yml``.

        ``given`` and ``extra`` are extra variables, where ``None`` in ``given`` stands for none. A text in ``given`` is
        never a template, one in ``extra`` is what Ansible makes of it. ``arguments`` go to ``ansible-playbook`` as they
        are, where every user of the machine can read them.
        """
        self.playbook(playbook)
        variables = {name: _given(value) for name, value in (given or {}).items() if value is not None}
        order = Order(
            root=str(self.root),
            playbook=playbook,
            environment=self.name,
            inventory=str(self.inventory),
            run=new_run_id(),
            runs=str(self.runs),
            arguments=[*arguments, *(("--limit", limit) if limit else ())],
            extra={**variables, **(extra or {})},
            timeout=timeout,
        )
        return Run.start(order, self._environ)

    def playbook(self, name: str) -> Path:
        """The file of a playbook of the root, by its name without ``.yml``. Raises :class:`NotUsable`."""
        path = self.root / f"{name}.yml"
        if not path.is_file():
            raise NotUsable(f"there is no playbook {path.name} in {self.root}")
        return path

    def running(self) -> list[Run]:
        """The runs of this environment that are under way on this machine, whoever began them, the oldest first."""
        return [Run(told, self.runs) for told in under_way(self.runs) if told.environment == self.name]

    def run(self, id_: str) -> Run:
        """A run that is under way or over, by its id. Raises :class:`NotUsable` when there is none."""
        journal = self.runs / id_ / FILE
        first = next(iter(read(journal)), None) if journal.is_file() else None
        if first is None:
            raise NotUsable(f"there is no run {id_} in {self.runs}")
        return Run(Running(id_, first.get("playbook", "rollback"), self.name, 0), self.runs)


def text(value: str) -> dict[str, str]:
    """A value that Ansible does not take for a template, whatever a commit or a scanner's finding says."""
    return {"__ansible_unsafe": value}


def _given(value: Any) -> Any:
    return text(value) if isinstance(value, str) and "{" in value else value
