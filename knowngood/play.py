"""The verbs of the command that are playbooks: the same terminal, or the result as JSON."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from ansible.module_utils.cancel import ask
from ansible.module_utils.journal import FILE, last_outcome, runs_folder
from ansible.module_utils.progress import line_of

from .arguments import PLAYBOOKS
from .environment import Environment
from .inventory import NotUsable, project
from .result import Result
from .run import Run

__all__ = ["cancel", "follow", "play"]


def play(given: argparse.Namespace) -> int:
    """Run the playbook of a verb. Without ``--json`` this process becomes ``ansible-playbook``, and does not return."""
    environment = Environment(given.inventory)
    variables = _variables(given)
    arguments = _arguments(given)
    if not given.json:
        if variables:
            arguments += ["-e", json.dumps(variables)]
        _become(environment, given.verb, arguments)
    if given.verb == "drill":
        # The terminal is not theirs, so nobody can type that they mean it.
        variables["drill_unattended"] = True
    run = environment.start(given.verb, variables, arguments=arguments, timeout=given.timeout)
    result = follow(run, verbose=given.verbose > 0)
    print(json.dumps(result.as_dict(), default=str))
    return result.exit_code


def follow(run: Run, *, verbose: bool) -> Result:
    """Show a run on standard error until it is over."""
    with _cancelled_by_signals(run):
        for event in run:
            line = line_of({"event": event.event, "elapsed": event.elapsed, **event.data}, verbose=verbose)
            if line:
                print(line, file=sys.stderr, flush=True)
        result = run.result()
    _tell(result)
    return result


def cancel(run: str, why: str) -> int:
    """Ask a run to end; 0 when it was asked, which is not yet that it ended."""
    folder: Path = runs_folder(project()) / run
    if not (folder / FILE).is_file():
        raise NotUsable(f"there is no run {run} in {folder.parent}")
    if (end := last_outcome(folder / FILE)) is not None:
        raise NotUsable(f"run {run} is over: {end['verdict']}: {end['message']}")
    ask(folder, why)
    print(
        f"asked: run {run} ends where nothing is half done. Once it has begun to change something, it goes on"
    )
    return 0


def _variables(given: argparse.Namespace) -> dict[str, Any]:
    names = [option.replace("-", "_") for option, *_ in PLAYBOOKS[given.verb][1]]
    return {name: value for name in names if (value := getattr(given, name)) is not None}


def _arguments(given: argparse.Namespace) -> list[str]:
    arguments = [argument for value in given.extra_vars for argument in ("-e", value)]
    if given.limit:
        arguments += ["--limit", given.limit]
    if given.verbose:
        arguments.append(f"-{'v' * given.verbose}")
    if getattr(given, "check", False):
        arguments += ["--check", "--diff"]
    tags = getattr(given, "tier", None) or ("overdue" if getattr(given, "overdue", False) else None)
    return [*arguments, *(("--tags", tags) if tags else ())]


def _become(environment: Environment, verb: str, arguments: list[str]) -> None:
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    playbook, inventory = environment.playbook(verb), str(environment.inventory)
    environ = {**os.environ, "ANSIBLE_CONFIG": str(environment.root / "ansible.cfg")}
    os.execve(program, [program, str(playbook), "-i", inventory, *arguments], environ)


@contextmanager
def _cancelled_by_signals(run: Run) -> Iterator[None]:
    """Ctrl-C asks the run to end, and once more ends it where it is."""
    asked = False

    def hear(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            run.kill()
            return
        asked = True
        run.cancel(f"{signal.Signals(number).name} to knowngood")
        print("cancelling: once more ends the run where it is", file=sys.stderr, flush=True)

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(result: Result) -> None:
    lines = [*result.details, f"journal  {result.journal}"]
    if (page := result.files.get("incident.html")) is not None:
        lines.append(f"report   {page}")
    lines += [f"next     {result.next}", f"{result.verdict}: {result.message}"]
    print("\n".join(lines), file=sys.stderr, flush=True)
