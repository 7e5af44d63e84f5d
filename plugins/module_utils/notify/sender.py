"""The process that tells people how a run goes, beside the run: it reads the journal, and the run waits for nothing.

It gets its settings through the standard input, so that no secret is on a disk, in an environment or in the list of
processes. It ends by itself: when all is told after the run's end, a while after it at the latest, and soon when
``ansible-playbook`` is gone.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..ledger.process import has_ended
from ..redact import Redactor
from .chain import Chain
from .compose import Composer
from .deliver import Deliveries
from .message import HELD, UNSENT
from .news import FAILURES, News, Teller
from .outbox import ACKNOWLEDGED, FINISHED, SUPPORT, TOLD, TROUBLE, Outbox, outboxes
from .support import is_failed_call
from .texts import Texts

__all__ = ["AFTER_THE_END", "Sender", "main", "secrets_of"]

# Seconds that messages may still take after a run that ended, and after one that was killed.
AFTER_THE_END, AFTER_A_KILL = 30.0, 8.0
_LOOK = 0.1
_GOOD_ENDS = ("resolved", "done")


def secrets_of(channels: Mapping[str, Any]) -> list[str]:
    """What must show nowhere."""
    names = {
        "slack": ("webhook", "token", "drill_webhook"),
        "email": ("password",),
        "pagerduty": ("routing_key",),
    }
    names["webhook"] = ("url", "secret")
    names["grafana"] = ("token",)
    return [str(channels[channel][name]) for channel in channels for name in names[channel]]


class Sender:
    """Follows one run. ``settings`` are those that :func:`start` hands over."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._command, self._born = int(settings["command"]), str(settings["born"])
        self._journal = Path(settings["journal"])
        self._box = Outbox(self._journal.parent / "outbox")
        redactor = Redactor(secrets_of(settings["channels"]))
        self._texts = Texts(settings["templates"])
        self._composer = Composer(settings, self._texts, redactor)
        self._deliveries = Deliveries(settings["channels"], self._box, redactor)
        self._teller = Teller(settings["run"], settings["environment"])
        self._chain = Chain(settings["contacts"])
        self._read = 0
        self._opened = 0.0
        self._acknowledged = self._over = False
        self._held: list[int] = []

    def run(self) -> None:
        """Until there is nothing more to tell, or no time."""
        ended, patience = 0.0, 0.0
        while True:
            finished, gone = self._box.marked(FINISHED) is not None, self._is_gone()
            self._hear()
            self._call()
            if not ended and (finished or gone):
                # Whoever is not told how it ended is told that nobody said it.
                self._tell(self._teller.broke_off(_now()))
                self._box.mark(TOLD)
                ended, patience = time.monotonic(), AFTER_THE_END if finished else AFTER_A_KILL
                if finished:
                    self._take_over()
                else:
                    self._deliveries.hurry()
            if ended and (self._deliveries.settled or time.monotonic() - ended > patience):
                break
            time.sleep(_LOOK)
        if self._texts.problems:
            self._box.mark(TROUBLE, "\n".join(self._texts.problems))

    def _take_over(self) -> None:
        """What earlier runs of the environment could not send, oldest first, and after what this one has to say."""
        for box in outboxes(self._journal.parent.parent, self._teller.environment):
            held = None if box.folder == self._box.folder else box.lock()
            if held is not None:
                # Kept open for as long as this process lives.
                self._held.append(held)
                box.reload()
                for message in box.messages(UNSENT):
                    self._deliveries.add(box, message)

    def _is_gone(self) -> bool:
        if has_ended(self._command, self._born):
            return True
        try:
            os.kill(self._command, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return False

    def _hear(self) -> None:
        """Take in what the run wrote since."""
        try:
            with self._journal.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if is_failed_call(event):
                    self._composer.failed_calls.append(event)
                event["hash"] = sha256(line + b"\n").hexdigest()
                self._tell(self._teller.feed(event))
                if event["event"] == "escalated":
                    self._tell_contacts(self._chain.everybody(event["why"]))

    def _tell(self, news: Iterable[News]) -> None:
        for item in news:
            for message in self._composer.messages(item):
                state = HELD if message.audience == "users" else UNSENT
                if self._box.put(message, state) and state == UNSENT:
                    self._deliveries.add(self._box, message)
            if item.kind == "opened":
                self._opened = time.monotonic()
                self._acknowledged = bool(self._box.acknowledged(self._teller.incident))
                # Before it is known whether the run is over already: who is to hear of every incident does.
                self._tell_contacts(self._chain.due(0, acknowledged=self._acknowledged))
            elif item.kind in FAILURES:
                # What was over is not over any more: a watch may take a good end back.
                self._over = False
                self._say_to_support()
                self._tell_contacts(self._chain.failed())
            elif item.kind in _GOOD_ENDS:
                self._over = True

    def _call(self) -> None:
        """Go on along the chain, until somebody takes it on."""
        if not self._teller.opened or self._over:
            return
        if not self._acknowledged and (told := self._box.marked(ACKNOWLEDGED)):
            self._acknowledged = True
            self._tell([self._teller.acknowledged(str(json.loads(told)["by"]), _now())])
        minutes = (time.monotonic() - self._opened) / 60
        self._tell_contacts(self._chain.due(minutes, acknowledged=self._acknowledged))

    def _tell_contacts(self, due: Iterable[tuple[Mapping[str, Any], str]]) -> None:
        self._tell([self._teller.calls(contact, why, _now()) for contact, why in due])

    def _say_to_support(self) -> None:
        if self._composer.support:
            self._box.mark(SUPPORT, self._composer.support + "\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Entry point of the process."""
    # Everything is loaded: whoever waited for that, because the files go away, need not wait any longer.
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    settings = json.load(sys.stdin)
    os.dup2(nothing, 0)
    try:
        Sender(settings).run()
    except Exception as error:
        # The process has no other way to say it; the run shows it at its end.
        with suppress(OSError):
            Outbox(Path(settings["journal"]).parent / "outbox").mark(TROUBLE, f"{type(error).__name__}")
    # A thread that still waits for a service must not keep the process.
    os._exit(0)


if __name__ == "__main__":
    main()
