"""A rollback without the start of Ansible: the stages of playbooks/rollback.yml in processes of their own.

It takes a third of a second and makes the calls that ``ansible-playbook`` makes, so that each of them can be
disturbed in each way.
"""

from __future__ import annotations

import multiprocessing
import os
from functools import cached_property
from getpass import getuser
from multiprocessing.connection import Connection
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.filter.databases import declared_databases
from plugins.filter.inventory import declared_components
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.journal import FILE, new_run_id, read
from plugins.module_utils.stage import (
    before,
    database_check,
    database_move,
    database_plan,
    database_undo,
    end,
    goal,
    lock,
    plan,
    rehearse,
    switch,
    validate,
)
from plugins.module_utils.stage.lifeline import end_with_the_command
from plugins.module_utils.stage.task import Task, perform
from tests.support.environment import ROOT, Environment, Run

_HERE = "{{ ansible_config_file | dirname }}"
# Children are forked from a process that has everything loaded and no threads.
_SPAWN = multiprocessing.get_context("forkserver")
_SPAWN.set_forkserver_preload(["pytest", __name__])


class Stages:
    """Starts rollbacks of an environment; ``given`` overrides what the inventory says."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._declared = declared(environment)

    def start(self, *, timeout: float = 15, patience: float = 60, **given: Any) -> Started:
        """A rollback that waits ``timeout`` seconds for an answer, and asks again for ``patience`` seconds."""
        told = {**self._declared, **given}
        told["cloudflare"] = {**told["cloudflare"], "patience": patience}
        return Started(self._environment, told, timeout)

    def play(self, **given: Any) -> Run:
        """A rollback from its beginning to its end."""
        return self.start(**given).wait()


class Started:
    """A rollback that runs: a command, and its task."""

    def __init__(self, environment: Environment, given: dict[str, Any], timeout: float) -> None:
        self._id = new_run_id()
        self._journal = environment.runs / self._id / FILE
        self._alive, alive = _SPAWN.Pipe(duplex=False)
        self._command = _SPAWN.Process(target=_command, args=(given, self._id, timeout, alive))
        self._command.start()
        alive.close()

    def ended(self) -> bool:
        return self._command.exitcode is not None

    def kill(self) -> None:
        """SIGKILL to the command; fails when its task outlives it."""
        self._command.kill()
        self._command.join()
        # Both hold the other end open.
        assert self._alive.poll(5), "a task outlived its command"

    def wait(self, timeout: float = 240) -> Run:
        self._command.join(timeout)
        assert self.ended(), "it did not end"
        assert self._command.exitcode == 0, f"exit code {self._command.exitcode}"
        told = [event for event in read(self._journal) if event["event"] == "outcome"][-1]
        output = "\n".join([*told["details"], told["next"], f"{told['verdict']}: {told['message']}"])
        return Run(told["exit_code"], output, self._journal)


def _command(given: dict[str, Any], run: str, timeout: float, alive: Connection) -> None:
    """What ``ansible-playbook`` is to its tasks: the process that they live and die with."""
    task = multiprocessing.get_context("fork").Process(target=_task, args=(given, run, timeout))
    task.start()
    task.join()
    os._exit(task.exitcode or 0)


def _task(given: dict[str, Any], run: str, timeout: float) -> None:
    os.setsid()
    end_with_the_command()
    _Rollback(given, run, timeout).work()


class _Hasty(Task):
    """Gives up on an answer earlier than a user would want to."""

    timeout = 15.0

    @cached_property
    def client(self) -> Client:
        told = self.params["cloudflare"]
        url, token, account = told["api_url"], told["api_token"], told["account_id"]
        return Client(url, token, account, self.journal, timeout=self.timeout, patience=told["patience"])


class _Ended(Exception):
    """A stage has said how the run ends."""


class _Rollback:
    """The stages in the order of playbooks/rollback.yml, and the end whatever came before it."""

    def __init__(self, given: dict[str, Any], run: str, timeout: float) -> None:
        self._given = {**given, "run": run}
        self._timeout = timeout
        self._plan: dict[str, Any] = {}
        self._validated = False

    def work(self) -> None:
        try:
            self._stages()
        except _Ended:
            pass
        finally:
            self._stage(end, plan=self._plan, validated=self._validated)

    def _stages(self) -> None:
        self._stage(lock)
        planned = self._stage(plan)
        made = self._plan = planned["plan"]
        found = self._stage(
            database_plan,
            release=made["release"],
            levels=made["levels"],
            plan_hash=made["hash"],
            release_made=made["release_made"],
        )
        data = found["databases"]
        self._stage(goal, plan=made, databases=data, hash=found["hash"], asked=planned["asked"])
        moves = {"moves": made["moves"], "message": f"knowngood {self._given['run']}: {made['release']}"}
        probing = {**self._given["probing"], "seconds": 2}
        compared = {"before": self._stage(before, probing=probing)["seen"]} if made["changes"] else {}
        if made["changes"]:
            self._stage(rehearse, **moves, not_yet=[i["name"] for i in data if i["method"] != "nothing"])
        moved = self._stage(database_move, planned=data)
        if made["changes"]:
            switched = self._stage(switch, **moves)
            if switched.get("restored"):
                self._stage(database_undo, undo=self._given["run"], ends_with=switched["outcome"])
        checked = self._stage(database_check, planned=data)["checked"]
        changed = made["changes"] or moved["changed"]
        self._stage(
            validate,
            identities=planned["identities"],
            release=made["release"],
            databases=checked,
            recorded_headers=planned["recorded_headers"],
            **compared,
            came_before="switch" if changed else "no_change",
        )

    def _stage(self, module: Any, **more: Any) -> dict[str, Any]:
        params = {name: value for name, value in {**self._given, **more}.items() if name in module.SPEC}
        checked = ArgumentSpecValidator(module.SPEC).validate(params)
        assert not checked.error_messages, checked.error_messages
        task = _Hasty(checked.validated_parameters, check_mode=False, diff=False)
        task.timeout = self._timeout
        result = perform(module.work, task)
        self._validated |= module is validate and "checked" in result
        if result.get("failed") and not result.get("restored"):
            raise _Ended
        return result


def declared(environment: Environment) -> dict[str, Any]:
    """What stages are told of an environment: its inventory, without PostgreSQL, as preflight hands it on."""
    text = (ROOT / "inventories/local/hosts.yml").read_text().replace(_HERE, str(ROOT))
    groups = {name: group["hosts"] for name, group in yaml.safe_load(text)["all"]["children"].items()}
    del groups["postgres"]
    hosts = {name: variables for group in groups.values() for name, variables in group.items()}
    names = {name: list(group) for name, group in groups.items()}
    instance = environment.instance
    return {
        "components": declared_components(hosts, hosts, names)["components"],
        "databases": declared_databases(hosts, hosts, names)["databases"],
        "cloudflare": {
            "account_id": instance.account_id,
            "api_token": instance.api_token,
            "api_url": instance.api_url,
        },
        "ledger": {"backend": "directory", "path": str(instance.state / "ledger" / "local")},
        "operator": getuser(),
        "environment_name": "local",
        "runs_dir": str(environment.runs),
        "probing": {"connect_to": instance.edge, "ca_file": instance.ca_file, "seconds": 10},
    }
