"""A stage ends with the command that it belongs to, however that ends.

Ansible runs every task in a session of its own, so what kills ``ansible-playbook`` and its process group
does not reach the task: it would go on changing things, unseen, while the same command is given again.
And what Ansible itself sends to its tasks on Ctrl-C, Python hears in its main thread only, which a
signal that the kernel gives to another thread does not wake.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress
from multiprocessing.connection import wait

__all__ = ["end_with_the_command"]

_ENDS = {signal.SIGINT, signal.SIGTERM}


def end_with_the_command() -> None:
    """This process, and what it started, is killed when the process that forked it says so, or is gone."""
    command = multiprocessing.parent_process()
    if command is None:
        return
    heard, bell = os.pipe()
    os.set_blocking(bell, False)
    # Every thread's signals ring there, as a byte each.
    signal.set_wakeup_fd(bell)

    def watch() -> None:
        while command.sentinel not in wait([command.sentinel, heard]):
            if _ENDS & set(os.read(heard, 64)):
                break
        # The task leads a process group, in which wrangler is too.
        with suppress(ProcessLookupError):
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
