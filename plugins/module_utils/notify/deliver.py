"""Hands messages over: a thread for each channel, and in each one message after the other.

So a service that hangs holds up nobody else, and what happened first is told first. When the answer to a message got
lost it is sent again, under the same id: told twice is better than not at all. When there was an answer, never.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..redact import Redactor
from . import grafana, mail, pagerduty, slack, webhook
from .attempt import Again, Refused, Sent
from .message import REFUSED, SENT, Message
from .outbox import Outbox

__all__ = ["Deliveries"]

_SEND: dict[str, Callable[[Mapping[str, Any], Message, str], Sent]] = {
    "grafana": grafana.send,
    "slack": slack.send,
    "email": mail.send,
    "pagerduty": pagerduty.send,
    "webhook": webhook.send,
}
# Where a later message goes on from the first.
_THREADS = ("grafana", "slack")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Deliveries:
    """``log`` is the outbox whose receipts tell what was done; messages may come from others."""

    def __init__(self, channels: Mapping[str, Any], log: Outbox, redactor: Redactor) -> None:
        self._channels, self._log, self._redactor = channels, log, redactor
        self._hurry = threading.Event()
        self._lock = threading.Lock()
        self._open = 0
        self._queues: dict[str, queue.SimpleQueue[tuple[Outbox, Message]]] = {}

    def add(self, box: Outbox, message: Message) -> None:
        """Send it when its turn comes. A channel that is not declared any more leaves it where it is."""
        if message.channel not in self._channels:
            return
        with self._lock:
            self._open += 1
        if message.channel not in self._queues:
            self._queues[message.channel] = queue.SimpleQueue()
            threading.Thread(target=self._work, args=(message.channel,), daemon=True).start()
        self._queues[message.channel].put((box, message))

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to do."""
        with self._lock:
            return self._open == 0

    def hurry(self) -> None:
        """There is no time left: whatever is waiting is tried at once, and only once."""
        self._hurry.set()

    def _work(self, channel: str) -> None:
        while True:
            box, message = self._queues[channel].get()
            try:
                self._deliver(box, message)
            finally:
                with self._lock:
                    self._open -= 1

    def _deliver(self, box: Outbox, message: Message) -> None:
        began, attempts = time.monotonic(), int(box.said(message)["attempts"])
        pause = _FIRST_PAUSE
        while True:
            last = self._hurry.is_set()
            attempts += 1
            thread = box.thread(message.incident, message.channel) if message.channel in _THREADS else ""
            try:
                sent = _SEND[message.channel](self._channels[message.channel], message, thread)
            except Again as error:
                box.note(message, attempts=attempts, why=self._redactor.text(str(error)))
                if last:
                    return
                self._hurry.wait(max(pause, error.after))
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            except Refused as error:
                said = {"state": REFUSED, "why": self._redactor.text(str(error))}
            except Exception as error:
                said = {"state": REFUSED, "why": f"a defect of Known Good: {type(error).__name__}"}
            else:
                said = {"state": SENT, "receipt": self._redactor.text(sent.receipt), "thread": sent.thread}
            box.note(message, attempts=attempts, **said)
            self._log.receipt(
                {
                    "id": message.id,
                    "kind": message.kind,
                    "channel": message.channel,
                    "audience": message.audience,
                    "attempts": attempts,
                    "seconds": round(time.monotonic() - began, 3),
                    **{name: value for name, value in said.items() if name != "thread"},
                }
            )
            return
