"""A stage ends with the command that it belongs to, however that ends.

Ansible runs every task in a session of its own, so what kills ``ansible-playbook`` and its process group
does not reach the task: it would go on changing things, unseen, while the same command is given again.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from contextlib import suppress

__all__ = ["end_with_the_command"]


def end_with_the_command() -> None:
    """From now on this process, and what it started, is killed when the process that forked it is gone."""
    command = multiprocessing.parent_process()
    if command is None:
        return

    def watch() -> None:
        command.join()
        # The task leads a process group, in which wrangler is too.
        with suppress(ProcessLookupError):
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
