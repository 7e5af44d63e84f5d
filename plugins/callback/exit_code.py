"""Gives every end of a run an exit code of its own."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible import context
from ansible.plugins.callback import CallbackBase

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.journal import Journal, name_run, runs_folder  # noqa: E402
from ansible.module_utils.ledger.declared import operator_of  # noqa: E402
from ansible.module_utils.origin import origin_of  # noqa: E402
from ansible.module_utils.outcome import CHANGING, ending  # noqa: E402
from ansible.module_utils.redact import Redactor  # noqa: E402
from ansible.module_utils.running import Running, hold  # noqa: E402
from ansible.module_utils.typed import LEFT_OVER, whole  # noqa: E402

DOCUMENTATION = r"""
name: exit_code
type: aggregate
short_description: Gives every end of a run an exit code of its own
version_added: "0.1.0"
description:
  - Ends C(ansible-playbook) with the exit code of the outcome that the last module reported, under ansible-runner and
    AWX too, where it also shows the verdict. See C(docs/exit-codes.md).
  - Says meanwhile that the run is under way, in C(running.json) beside the journal.
  - Takes a value with blanks whole, as in C(-e reason='checkout fails').
  - Writes the beginning of the run into its journal, and an end that no module wrote there, because a task of Ansible
    itself failed.
requirements: [enabled in C(callbacks_enabled)]
author: [Known Good maintainers (@knowngood)]
"""


class CallbackModule(CallbackBase):
    """Remembers the outcome, and leaves with its code."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "exit_code"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        # Under ansible-runner and AWX another callback has the terminal; the run needs its name all the same.
        self._run = name_run()
        self._journal: Journal | None = None
        self._outcome: dict[str, Any] | None = None
        self._switching = self._did_switch = False

    def v2_playbook_on_start(self, playbook: Any) -> None:
        root = Path(C.CONFIG_FILE).parent if C.CONFIG_FILE else Path.cwd()
        # A template that fails repeats what is in it.
        redactor = Redactor([os.environ.get("CLOUDFLARE_API_TOKEN")])
        self._journal = Journal(runs_folder(root), self._run, redactor)
        # The first line of the journal carries the clock: the time of a run counts from the command.
        name, asked = Path(playbook._file_name).stem, context.CLIARGS
        made_with = origin_of(asked.get("inventory") or ())
        told = Running(self._run, name, _environment(asked.get("inventory") or ()), os.getpid())
        with suppress(OSError):
            atexit.register(hold(self._journal.path.parent, told))
        self._journal.write(
            "run.start", playbook=name, limit=asked.get("subset"), operator=operator_of(""), **made_with
        )

    def v2_playbook_on_play_start(self, play: Any) -> None:
        given = play.get_variable_manager().extra_vars
        given.update(whole(context.CLIARGS.get("extra_vars") or (), given))
        given.pop(LEFT_OVER, None)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._did_switch = self._switching
        self._switching = self._switching or task.action in CHANGING

    def v2_runner_on_skipped(self, result: Any) -> None:
        # Ansible tells the start of a task before it looks whether the task is to be done.
        self._switching = self._did_switch

    def v2_runner_on_ok(self, result: Any) -> None:
        self._note(result.result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            self._note(result.result, failed=True)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        if self._outcome is not None:
            self._say(self._outcome)
            sys.exit(self._outcome["exit_code"])

    def _say(self, end: dict[str, Any]) -> None:
        """Under ansible-runner and AWX nobody else does: their callback has the terminal, and shows Ansible's own lines."""
        if C.DEFAULT_STDOUT_CALLBACK == "awx_display":
            for line in (*end["details"], f"next     {end['next']}", f"{end['verdict']}: {end['message']}"):
                self._display.display(line)

    def _note(self, result: dict[str, Any], *, failed: bool) -> None:
        end = ending(result, failed=failed, switching=self._switching)
        if end is None or end == self._outcome:
            return
        self._outcome = end
        if self._journal is not None and end is not result.get("outcome"):
            self._journal.write("outcome", **end)


def _environment(inventories: Sequence[str]) -> str:
    """The name of the inventory's folder."""
    path = Path(next(iter(inventories), ""))
    return path.parent.name if path.is_file() else path.name
