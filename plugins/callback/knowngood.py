"""What the terminal shows: progress from the journal, then the verdict and the next command."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible import constants as C
from ansible import context
from ansible.plugins.callback import CallbackBase

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.cancel import ask  # noqa: E402
from ansible.module_utils.journal import FILE, Tail, name_run, runs_folder  # noqa: E402
from ansible.module_utils.outcome import CHANGING, DONE, ending  # noqa: E402
from ansible.module_utils.progress import Board, line_of  # noqa: E402

DOCUMENTATION = r"""
name: knowngood
type: stdout
short_description: Live progress, then the verdict and the next command
version_added: "0.1.0"
description:
  - Follows the journal of the run and shows where every component is. On a terminal it redraws a small board, elsewhere
    it writes a line per event. The last line is the verdict, the line before it the next command.
  - When a person interrupts the run, the last line says whether anything may have moved, and when it was only watched
    any more, what was proved.
  - C(-v) also shows every task and every request to Cloudflare, C(--diff) and C(--check) the plan.
author: [Known Good maintainers (@knowngood)]
"""

_COLOURS = {0: "green", 10: "yellow", 13: "yellow", 15: "yellow", 16: "yellow", 17: "yellow"}
_EVERY = 0.1
_WATCH = "service_watch"
_DRILL = "drill_run"
# Ansible's own way to ask a person.
_ASKING = ("ansible.builtin.pause", "pause")


class CallbackModule(CallbackBase):
    """The stdout callback. It also names the run, so that the journal can be followed from its first line."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "knowngood"

    def __init__(self) -> None:
        super().__init__()
        self._outcome: dict[str, Any] | None = None
        self._switching = self._did_switch = False
        self._run = name_run()
        root = Path(C.CONFIG_FILE).parent if C.CONFIG_FILE else Path.cwd()
        self._journal = runs_folder(root) / self._run / FILE
        self._shows_plan = False
        self._interrupted = False
        self._watching = False
        # What was moved is proved by the time that it is watched.
        self._proved = False
        self._action = ""
        self._follower = _Follower(self._journal, verbose=self._display.verbosity > 0)

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._display.display(f"knowngood {Path(playbook._file_name).stem}, run {self._run}")
        asked = context.CLIARGS
        self._shows_plan = bool(self._display.verbosity or asked.get("diff") or asked.get("check"))
        self._follower.start()
        self._hear_interrupts()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._did_switch = self._switching
        self._switching = self._switching or task.action in CHANGING
        self._action = task.action
        self._watching = task.action == _WATCH
        if self._watching and self._switching:
            self._proved = self._outcome is not None and self._outcome["exit_code"] == DONE
        self._follower.hold(task.action in _ASKING)
        if self._display.verbosity > 0:
            self._follower.say(f"TASK {task.get_name().strip()}")

    def v2_runner_on_skipped(self, result: Any) -> None:
        # Ansible tells the start of a task before it looks whether the task is to be done.
        self._switching = self._did_switch

    def v2_runner_on_ok(self, result: Any) -> None:
        self._note(result, failed=False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        if not ignore_errors:
            self._note(result, failed=True)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._note(result, failed=True)

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._follower.say("no component matches: check -i and --limit")

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._follower.stop()
        end = self._outcome
        for line in end["details"] if end else []:
            self._display.display(line)
        if self._journal.exists():
            self._display.display(f"journal  {_short(self._journal)}")
        checks = self._journal.parent / "validation.html"
        if checks.exists():
            self._display.display(f"checks   {_short(checks)}")
        report = self._journal.parent / "report" / "incident.html"
        if report.exists():
            self._display.display(f"report   {_short(report)}")
        if end is not None:
            self._display.display(f"next     {end['next']}")
            self._display.display(
                f"{end['verdict']}: {end['message']}", color=_COLOURS.get(end["exit_code"], "red")
            )

    def _hear_interrupts(self) -> None:
        ansibles = signal.getsignal(signal.SIGINT)

        def hear(number: int, frame: Any) -> None:
            if self._watching:
                # The watch ends, and the run goes on to its report; a second time ends the run.
                self._watching = False
                ask(self._journal.parent, "Ctrl-C")
                os.write(sys.stdout.fileno(), b"\nthe watch ends; what serves stays\n")
                return
            self._interrupted = True
            self._follower.tear()
            if callable(ansibles):
                ansibles(number, frame)

        signal.signal(signal.SIGINT, hear)
        # Ansible has no event for it, and says so itself on its way out.
        atexit.register(self._tell_interrupt)

    def _tell_interrupt(self) -> None:
        if not self._interrupted:
            return
        self._follower.stop()
        self._display.display(f"journal  {_short(self._journal)}")
        if self._proved and self._outcome:
            watched = "; it was being watched" if self._action == _WATCH else ""
            self._display.display(f"next     {self._outcome['next']}")
            self._display.display(f"INTERRUPTED: {self._outcome['message']}{watched}", color="yellow")
            return
        if self._action == _DRILL:
            self._display.display("next     give the same command again, with -e heal=true")
            self._display.display(
                "INTERRUPTED: what the drill broke may be there still, until it is healed", color="red"
            )
            return
        self._display.display("next     give the same command again: it goes on from here")
        if self._switching:
            self._display.display("INTERRUPTED: some components may have moved, and others not", color="red")
        else:
            self._display.display("INTERRUPTED: no component has moved", color="yellow")

    def _note(self, result: Any, *, failed: bool) -> None:
        told = result.result
        if "warnings" in told:
            for warning in told["warnings"]:
                self._follower.say(f"warning: {warning}")
        if "table" in told and self._shows_plan:
            for line in told["table"]:
                self._follower.say(line)
        self._outcome = ending(told, failed=failed, switching=self._switching) or self._outcome


class _Follower:
    """Reads the journal while modules write it, and keeps the screen."""

    def __init__(self, journal: Path, *, verbose: bool) -> None:
        self._tail = Tail(journal)
        self._verbose = verbose
        self._redraws = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not verbose
        self._board = Board(rows=max(5, _size().lines - 6))
        self._drawn = 0
        self._torn = False
        self._held = False
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._lock:
            self._take()
            self._draw(None)

    def hold(self, asking: bool) -> None:
        """A question stands on the terminal until it is answered, so nothing is drawn over it."""
        with self._lock:
            self._held = asking
            if asking:
                self._take()
                self._wipe()

    def tear(self) -> None:
        """From a signal handler: the terminal threw away what was on its way, so nothing is redrawn any more."""
        self._torn = True
        self._stop.set()
        if self._redraws:
            os.write(sys.stdout.fileno(), b"\n")

    def say(self, line: str) -> None:
        """A line that stays, above the board."""
        with self._lock:
            self._take()
            self._wipe()
            print(line, flush=True)

    def _follow(self) -> None:
        while not self._stop.wait(_EVERY):
            with self._lock:
                self._take()
                self._draw(time.monotonic() - self._began)

    def _take(self) -> None:
        for event in self._tail.more():
            self._board.feed(event)
            shown = None if self._redraws else line_of(event, verbose=self._verbose)
            if shown:
                print(shown, flush=True)

    def _draw(self, elapsed: float | None) -> None:
        if not self._redraws or self._held:
            return
        width = _size().columns
        lines = [line[: width - 1].rstrip() for line in self._board.lines(elapsed, width - 1)]
        self._wipe()
        print("".join(f"{line}\n" for line in lines), end="", flush=True)
        self._drawn = len(lines)

    def _wipe(self) -> None:
        if self._drawn and not self._torn:
            print(f"\x1b[{self._drawn}F\x1b[J", end="")
        self._drawn = 0


def _size() -> os.terminal_size:
    """Of the terminal itself: a COLUMNS that was exported elsewhere would tear the board apart."""
    try:
        return os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):
        return shutil.get_terminal_size()


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
