"""A server must not outlive the process that started it, not even one that was killed with SIGKILL."""

import os
import signal
import threading
import time
from collections.abc import Callable

INTERVAL = 0.1
GRACE = 2.0


def watch(parent: int, stop: Callable[[], object]) -> None:
    """Calls `stop` when `parent` is no longer this process's parent, and dies by force if that does not help.

    This is a thread over getppid and not PR_SET_PDEATHSIG, because that signal comes already when the
    *thread* that started us ends, and because a blocked event loop must not keep the process alive.
    """

    def loop() -> None:
        while os.getppid() == parent:
            time.sleep(INTERVAL)
        stop()
        time.sleep(GRACE)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=loop, name="parent-watch", daemon=True).start()
