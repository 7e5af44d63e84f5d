"""What runs left in their outboxes, and what a person says about it afterwards, or while a run goes on."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..redact import Redactor
from .compose import Composer
from .deliver import Deliveries
from .message import HELD, REFUSED, SENT, UNSENT, Message
from .news import News
from .outbox import ACKNOWLEDGED, Outbox, newest, outboxes
from .sender import AFTER_THE_END, secrets_of
from .texts import Texts

__all__ = ["Left"]

_LOOK = 0.05


class Left:
    """Sends from every outbox of an environment, except where a process of a run does so itself.

    ``settings`` are those of that process; ``log`` is the outbox whose receipts tell what was done here.
    """

    def __init__(self, settings: Mapping[str, Any], log: Outbox) -> None:
        self._settings, self._log = settings, log
        self._redactor = Redactor(secrets_of(settings["channels"]))
        runs = Path(settings["journal"]).parent.parent
        self.latest = newest(runs, settings["environment"])
        self._boxes = {box.folder: box for box in outboxes(runs, settings["environment"])}
        self._held: dict[Path, int] = {}

    def acknowledge(self, by: str) -> None:
        """Somebody takes the last incident on: nobody else is called, and PagerDuty hears of it."""
        assert self.latest is not None
        first = self.latest.messages(SENT, UNSENT, HELD, REFUSED)[0]
        self.latest.mark(ACKNOWLEDGED, json.dumps({"by": by, "time": _now(), "incident": first.incident}))
        # The process of a run that is under way says it itself.
        if self._take(self.latest):
            known = self.latest.messages(SENT, UNSENT, HELD, REFUSED)
            texts = Texts(self._settings["templates"])
            composer = Composer(self._settings, texts, self._redactor, known[-1].number)
            names = ("incident", "run", "environment", "severity", "drill")
            facts = {**{name: getattr(first, name) for name in names}, "by": by, "elapsed": None}
            for message in composer.messages(News("acknowledged", _now(), facts)):
                self.latest.put(message)

    def approve(self) -> bool:
        """Let the newest text to users go, through each channel; false when a run holds it for too long.

        What it overtook is not news any more.
        """
        assert self.latest is not None
        if not self._take(self.latest, AFTER_THE_END):
            return False
        newest_of = {message.channel: message.id for message in self.latest.messages(HELD)}
        for message in self.latest.messages(HELD):
            if newest_of[message.channel] == message.id:
                self.latest.release(message)
            else:
                self.latest.note(
                    message, state=REFUSED, why="overtaken by a later one before it was approved"
                )
        return True

    def send(self, seconds: float) -> list[tuple[Message, dict[str, Any]]]:
        """Send for so long; the messages, and what became of each."""
        deliveries = Deliveries(self._settings["channels"], self._log, self._redactor)
        mine = []
        for box in self._boxes.values():
            if self._take(box):
                mine += [(box, message) for message in box.messages(UNSENT)]
        if mine:
            self._log.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for box, message in mine:
            deliveries.add(box, message)
        until = time.monotonic() + seconds
        while not deliveries.settled and time.monotonic() < until:
            time.sleep(_LOOK)
        for held in self._held.values():
            os.close(held)
        return [(message, box.said(message)) for box, message in mine]

    def _take(self, box: Outbox, seconds: float = 0) -> bool:
        """Hold an outbox; false when a run is sending from it."""
        if box.folder in self._held:
            return True
        until = time.monotonic() + seconds
        while (held := box.lock()) is None:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK)
        self._held[box.folder] = held
        self._boxes[box.folder] = box
        box.reload()
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
