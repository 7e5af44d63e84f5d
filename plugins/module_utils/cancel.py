"""A run ends early, where nothing is half done, when somebody asks for it.

The request is a file beside the journal, with the reason in it: any process may write it, and it outlasts the one that
did. Stages look for it (``heeding``). The journal gets the outcome.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from .journal import Journal, read
from .outcome import CHANGES

__all__ = ["Cancelled", "ask", "asked", "heeding"]

_FILE = "cancel"
_LOOK = 0.2
# These end every run, whatever came before: they give the lock back and close the journal.
_ENDS = ("end", "notify", "record", "report")
# These only read, or wait: they are left in the middle.
_READS = (
    "before",
    "database_check",
    "database_plan",
    "decide",
    "lock",
    "plan",
    "rates",
    "signals",
    "status",
    "validate",
    "watch",
)


class Cancelled(KeyboardInterrupt):
    """The run is to end; the message says why. Not an :class:`Exception`, so that no stage takes it for a failure."""


def ask(folder: Path, why: str = "") -> None:
    """Ask the run of this folder to end."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _FILE).write_text(why, encoding="utf-8")


@contextmanager
def heeding(journal: Journal, stage: str) -> Iterator[None]:
    """Raises :class:`Cancelled` when the run is asked to end, before the stage or while it reads.

    A run that has begun to change something goes on to its end.
    """
    if stage in _ENDS:
        yield
        return
    if (why := asked(journal)) is not None and not _has_changed(journal):
        raise Cancelled(why)
    if why is not None or stage not in _READS or threading.current_thread() is not threading.main_thread():
        yield
        return
    with _interrupted(journal):
        yield


@contextmanager
def _interrupted(journal: Journal) -> Iterator[None]:
    main, over = threading.main_thread().ident, threading.Event()
    reason: str | None = None

    def raise_(number: int, frame: FrameType | None) -> None:
        if reason is not None and not over.is_set():
            over.set()
            raise Cancelled(reason)

    def watch() -> None:
        nonlocal reason
        why = None
        while why is None and not over.wait(_LOOK):
            why = asked(journal)
        if why is not None and main is not None and not _has_changed(journal):
            reason = why
            signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, raise_)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, before)


def asked(journal: Journal) -> str | None:
    """Why the run is to end; ``None`` while nobody wants that."""
    try:
        return (journal.path.parent / _FILE).read_text(encoding="utf-8").strip() or "asked for"
    except OSError:
        return None


def _has_changed(journal: Journal) -> bool:
    with suppress(OSError):
        return any(event["event"] in CHANGES for event in read(journal.path))
    return False
