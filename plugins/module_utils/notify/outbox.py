"""The messages of a run on disk: one file each, with what became of it, so that a kill loses and repeats none.

``<runs>/<run>/outbox/`` is written by one process at a time: the one that holds ``lock``.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .message import HELD, REFUSED, SENT, UNSENT, Message

__all__ = ["ACKNOWLEDGED", "FINISHED", "FOLDER", "SUPPORT", "TOLD", "TROUBLE", "Outbox", "newest", "outboxes"]

FOLDER = "outbox"
_RECEIPTS, _LOCK = "receipts.jsonl", "lock"
# What one process tells another.
FINISHED, TOLD, ACKNOWLEDGED = "finished", "told", "acknowledged"
SUPPORT, TROUBLE = "cloudflare-support.txt", "trouble.txt"


class Outbox:
    """``folder`` need not exist; nothing is made before there is something to write. Raises ``OSError``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._stored: dict[str, dict[str, Any]] = {}
        self.reload()

    def reload(self) -> None:
        """Read what is on disk. A file that is no message is left alone."""
        self._stored = {}
        for path in self.folder.glob("*.json"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                stored = json.loads(path.read_text(encoding="utf-8"))
                self._stored[Message.of(stored["message"]).id] = stored

    def put(self, message: Message, state: str = UNSENT) -> bool:
        """Keep a message to be sent, or held until it is approved; false when it is there already."""
        with self._lock:
            if message.id in self._stored:
                return False
            self._keep(message, {"state": state, "attempts": 0})
        return True

    def messages(self, *states: str) -> list[Message]:
        """Those in one of these states, in their order."""
        with self._lock:
            all_of_them = list(self._stored.values())
        found = [Message.of(stored["message"]) for stored in all_of_them if stored["state"] in states]
        return sorted(found, key=lambda message: (message.number, message.id))

    def said(self, message: Message) -> dict[str, Any]:
        """``state``, ``attempts``, and when they are known ``receipt``, ``why`` and ``thread``."""
        return {name: value for name, value in self._stored[message.id].items() if name != "message"}

    def note(self, message: Message, **said: Any) -> None:
        """Write down what became of a message."""
        with self._lock:
            self._keep(message, {**self.said(message), **said})

    def release(self, message: Message) -> None:
        """A message that was held may go."""
        if self.said(message)["state"] == HELD:
            self.note(message, state=UNSENT)

    def receipt(self, record: dict[str, Any]) -> None:
        """Append to what this run's sender did, for the journal."""
        with self._lock, open(self.folder / _RECEIPTS, "a", encoding="utf-8", opener=_private) as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")

    def receipts(self) -> Iterator[dict[str, Any]]:
        """What the sender did, oldest first."""
        with suppress(OSError):
            for line in (self.folder / _RECEIPTS).read_text(encoding="utf-8").splitlines():
                with suppress(ValueError):
                    yield json.loads(line)

    def lock(self) -> int | None:
        """A descriptor that holds the outbox for as long as it is open, or ``None``: somebody else has it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor

    def mark(self, name: str, text: str = "") -> None:
        """Leave a word for the process that sends."""
        self._write(name, text)

    def marked(self, name: str) -> str | None:
        """The word that was left, if it was."""
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except OSError:
            return None

    @property
    def is_under_way(self) -> bool:
        """Whether a message may still arrive soon: in a channel that has not been asked in vain yet."""
        asked: dict[str, bool] = {}
        for message in self.messages(UNSENT):
            asked.setdefault(message.channel, self.said(message)["attempts"] > 0)
        return not all(asked.values())

    def thread(self, incident: str, channel: str) -> str:
        """What a channel calls the first message of the incident, in whichever run; empty when there is none."""
        for folder in [self.folder, *sorted(self.folder.parent.parent.glob(f"*/{FOLDER}"))]:
            box = self if folder == self.folder else Outbox(folder)
            for message in box.messages(SENT):
                if (
                    message.channel == channel
                    and message.incident == incident
                    and box.said(message).get("thread")
                ):
                    return str(box.said(message)["thread"])
        return ""

    def acknowledged(self, incident: str) -> str:
        """Who has taken the incident on, in whichever of its runs; empty when nobody has."""
        for path in self.folder.parent.parent.glob(f"*/{FOLDER}/{ACKNOWLEDGED}"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                told = json.loads(path.read_text(encoding="utf-8"))
                if told["incident"] == incident:
                    return str(told["by"])
        return ""

    def _keep(self, message: Message, said: dict[str, Any]) -> None:
        stored = {"message": message.as_dict(), **said}
        self._write(
            f"{message.number:03}-{message.id[:150]}.json", json.dumps(stored, ensure_ascii=False, indent=1)
        )
        self._stored[message.id] = stored

    def _write(self, name: str, text: str) -> None:
        """Whole, or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside = self.folder / f".{name[:60]}-{secrets.token_hex(4)}"
        with open(beside, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
        beside.replace(self.folder / name)


def newest(runs: Path, environment: str) -> Outbox | None:
    """That of the last run of an environment that had something to tell."""
    for folder in sorted(runs.glob(f"*/{FOLDER}"), reverse=True):
        box = Outbox(folder)
        if any(message.environment == environment for message in box.messages(UNSENT, HELD, SENT, REFUSED)):
            return box
    return None


def outboxes(runs: Path, environment: str) -> list[Outbox]:
    """Those of an environment that hold something that was not sent, oldest first."""
    found = []
    for folder in sorted(runs.glob(f"*/{FOLDER}")):
        box = Outbox(folder)
        if any(message.environment == environment for message in box.messages(UNSENT, HELD)):
            found.append(box)
    return found


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
