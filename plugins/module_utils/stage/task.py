"""One call of a stage: its arguments, the way to Cloudflare, the way out.

A stage runs either as a module of the library or, on the controller, as an action; both come here.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cancel import Cancelled, heeding
from ..cloudflare.cli import Cli
from ..cloudflare.client import Client
from ..cloudflare.errors import CloudflareError
from ..cloudflare.platform import Platform
from ..cloudflare.rest import Rest
from ..cloudflare.wrangler import Wrangler
from ..concurrent import each
from ..journal import Journal, new_run_id
from ..ledger.backend import open_backend
from ..ledger.declared import operator_of
from ..ledger.errors import LedgerError
from ..ledger.ledger import Ledger
from ..ledger.lock import LEASE, Lost, renew
from ..ledger.view import View
from ..outcome import CANCELLED, FAILED, REFUSED, outcome
from ..probe.check import Limits
from ..probe.connect import Connector
from ..probe.contract import Contract
from ..probe.wire import Way
from ..redact import Redactor
from ..release.group import group
from ..release.model import Component, Release, State
from ..release.plan import Move

if TYPE_CHECKING:
    from ..database.managed import Managed

__all__ = ["Task", "Unreadable", "perform"]

# No such Worker (10007, 10090), no such Pages project (8000007).
_NOT_THERE = (10007, 10090, 8000007)
# What later stages work with: names and ids.
_DATA = ("plan", "identities", "release")
_NAMED_BY = {"worker": ("Worker", "worker_name"), "pages": ("Pages project", "pages_project")}


class Unreadable(Exception):
    """Some components could not be read, so nothing can be planned."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"Cloudflare could not be read ({len(problems)} problem(s))")
        self.problems = problems


@dataclass
class Task:
    """``params`` are valid by the stage's specification; ``check_mode`` and ``diff`` as in Ansible."""

    params: Mapping[str, Any]
    check_mode: bool
    diff: bool

    @cached_property
    def redactor(self) -> Redactor:
        """Takes the secrets of this call out of what is written or shown."""
        return Redactor([(self.params.get("cloudflare") or {}).get("api_token")])

    @cached_property
    def journal(self) -> Journal:
        """The run's journal; a run without an id gets one."""
        return Journal(Path(self.params["runs_dir"]), self.params["run"] or new_run_id(), self.redactor)

    @cached_property
    def platform(self) -> Platform:
        """The way to Cloudflare that the inventory asks for."""
        if self.params["cloudflare"]["transport"] == "rest":
            return Rest(self.client)
        return Wrangler(self._cli, rest=lambda: Rest(self.client))

    @cached_property
    def client(self) -> Client:
        """The API."""
        declared = self.params["cloudflare"]
        account, patience = declared["account_id"], declared["patience"]
        return Client(declared["api_url"], self.token, account, self.journal, patience=patience)

    @cached_property
    def token(self) -> str:
        """The token of the inventory, or else the one that wrangler holds."""
        token = self.params["cloudflare"]["api_token"] or self._cli.token()
        self.redactor.learn(token)
        return token

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger of the environment."""
        declared = {name: value for name, value in self.params["ledger"].items() if value is not None}
        return Ledger(open_backend(declared, lambda: self.client), by=self.operator)

    @cached_property
    def known(self) -> View:
        """What the ledger says, as it is when it is first asked for."""
        return self.ledger.view()

    def forget_ledger(self) -> None:
        """Read the ledger again when :attr:`known` is next asked for: what it knows changes during a long stage."""
        self.__dict__.pop("known", None)

    @property
    def operator(self) -> str:
        """Who gave the command: as the inventory says, or else the user of this machine."""
        return operator_of(self.params["operator"])

    @property
    def command(self) -> int:
        """The process that this run lives and dies with: ``ansible-playbook``, which forks a process per task.

        0 when a module runs by itself and nobody says which one that is.
        """
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid is not None:
            return parent.pid
        return int(os.environ.get("KNOWNGOOD_COMMAND") or 0)

    @contextmanager
    def keeping_lock(self) -> Iterator[None]:
        """Renew the run's lock for as long as a stage takes, when the run holds it.

        Raises :class:`Lost` when somebody else has it by now: then nothing may be changed any more.
        """
        if not self.params["ledger"] or self.check_mode:
            yield
            return
        self._renew()
        done = threading.Event()

        def keep() -> None:
            while not done.wait(LEASE.total_seconds() / 3):
                try:
                    self._renew()
                except Lost as error:
                    self.journal.write("lock.trouble", why=str(error))

        keeper = threading.Thread(target=keep, daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()

    def _renew(self) -> None:
        try:
            renew(self.ledger, self.journal.run, LEASE)
        except LedgerError as error:
            # The lease has time left, and a ledger that is away must not stop a set half-way.
            self.journal.write("lock.trouble", why=str(error))

    @cached_property
    def _cli(self) -> Cli:
        declared = self.params["cloudflare"]
        return Cli(
            declared["wrangler"],
            account=declared["account_id"],
            api_url=declared["api_url"],
            token=declared["api_token"] or None,
            journal=self.journal,
        )

    @contextmanager
    def database(self, declared: Mapping[str, Any]) -> Iterator[Managed]:
        """A declared database, for as long as it is needed."""
        # The parsers and drivers behind it are slow to load, and a rollback of the edge needs none of them.
        from ..database.open import opened

        keep = self.journal.path.parent / "kept" / declared["name"]
        # Only a D1 database needs Cloudflare.
        client = self.client if declared["kind"] == "d1" else None
        with opened(declared, client, self.journal, keep) as found:
            yield found

    @property
    def connector(self) -> Connector:
        declared = self.params["probing"]
        return Connector(
            connect_to=declared["connect_to"], ca_file=declared["ca_file"], timeout=declared["timeout"]
        )

    @property
    def limits(self) -> Limits:
        declared = self.params["probing"]
        return Limits(declared["seconds"], declared["max_skew"], declared["slow"], declared["tls_margin"])

    @property
    def contracts(self) -> dict[str, Contract | None]:
        """The health contract per component; ``None`` where the inventory declares that there is none."""
        return {
            item["name"]: None if "not_applicable" in item["health"] else Contract.of(item["health"])
            for item in self.params["components"]
        }

    @property
    def asked(self) -> dict[str, Contract]:
        """The health contracts of the components that have one."""
        return {name: contract for name, contract in self.contracts.items() if contract is not None}

    @property
    def ways(self) -> dict[str, Way]:
        """The way to each component for requests on a schedule. Raises OSError for a CA that cannot be read."""
        probing = self.params["probing"]
        wire = {"connect_to": probing["connect_to"], "ca_file": probing["ca_file"]}
        return {name: Way(contract.url, **wire) for name, contract in self.asked.items()}

    @property
    def moves(self) -> list[Move]:
        """The plan's moves, as the plan stage returned them."""
        return [
            Move(**{**item, "live": tuple((id_, float(percent)) for id_, percent in item["live"])})
            for item in self.params["moves"]
        ]

    def component(self, name: str) -> Component:
        """A component of this run."""
        found = next(item for item in self.params["components"] if item["name"] == name)
        return Component(found["name"], found["kind"], found["target"], found["follows"])

    def states(self) -> dict[str, State]:
        """What Cloudflare says of every component, in this run or not. Raises :class:`Unreadable`."""
        components = [
            Component(item["name"], item["kind"], item["target"], item["follows"])
            for item in [*self.params["components"], *self.params["others"]]
        ]
        states: dict[str, State] = {}
        problems: list[str] = []
        for component, state in zip(components, each(self.platform.state, components), strict=True):
            if isinstance(state, State):
                states[component.name] = state
            elif isinstance(state, CloudflareError):
                problems.append(f"{component.name}: {_what_is_missing(component, state)}")
            else:
                raise state
        if problems:
            raise Unreadable(problems)
        return states

    def releases(self, states: Mapping[str, State]) -> list[Release]:
        """The releases that the versions make up, newest first."""
        return group(
            states,
            window=timedelta(seconds=self.params["window"]),
            keys=self.params["keys"],
            recorded=self.known.releases if self.params.get("ledger") else (),
        )


def perform(work: Callable[[Task], dict[str, Any]], task: Task) -> dict[str, Any]:
    """Do ``work`` and give its result, with ``failed`` and ``msg`` when its outcome is not a good one.

    A user never meets a traceback: an unforeseen error is named as a defect. Nor a secret that an
    answer repeats.
    """
    journal = task.journal
    try:
        with heeding(journal, work.__module__.rpartition(".")[2]):
            result = work(task)
    except Cancelled as error:
        why = f"nothing was changed: {error}"
        result = {"outcome": outcome(CANCELLED, why, next_="give the same command again")}
    except Unreadable as error:
        result = {
            "outcome": outcome(
                REFUSED,
                f"nothing was changed: {error}",
                next_="put right what is said above, then run the same command again; "
                "https://www.cloudflarestatus.com tells whether Cloudflare has trouble",
                details=error.problems,
            )
        }
    except (LedgerError, Lost) as error:
        result = {"outcome": _no_ledger(task, error)}
    except Exception as error:
        journal.write("defect", error=f"{type(error).__name__}: {error}")
        message = f"an unforeseen error, which is a defect of Known Good: {type(error).__name__}: {error}"
        result = {"outcome": outcome(FAILED, message, next_=f"look at {journal.path}, and report it")}
    result = {name: value if name in _DATA else task.redactor(value) for name, value in result.items()}
    result = {"changed": False, **result, "run": journal.run, "journal": str(journal.path)}
    if journal.trouble:
        result["warnings"] = [journal.trouble]
    end = result.get("outcome")
    if end is not None:
        journal.write("outcome", **end)
        if end["exit_code"] == CANCELLED:
            # Threads that nobody waits for may still be at work.
            journal.leave()
        if end["exit_code"]:
            result |= {"failed": True, "msg": end["message"]}
    return result


def _no_ledger(task: Task, error: Exception) -> dict[str, Any]:
    environment = task.params["environment_name"]
    if isinstance(error, Lost):
        return outcome(FAILED, str(error), next_=f"ansible-playbook status.yml -i {environment}")
    return outcome(
        REFUSED,
        f"nothing was changed: {error}",
        next_="put that right, or go on without a ledger, to a release that you name: ansible-playbook "
        f'rollback.yml -i {environment} -e \'{{"ledger": {{"backend": "none"}}}}\' -e release=<name>',
    )


def _what_is_missing(component: Component, error: CloudflareError) -> str:
    if error.code not in _NOT_THERE:
        return str(error)
    what, variable = _NAMED_BY[component.kind]
    return f"the account has no {what} named {component.target}; correct {variable}, or cloudflare_account_id"
