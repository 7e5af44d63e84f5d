"""One message: to whom, through which channel, and what it says. It holds no secret, so it may lie on a disk."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["HELD", "REFUSED", "SENT", "UNSENT", "Message"]

UNSENT, SENT, REFUSED, HELD = "unsent", "sent", "refused", "held"


@dataclass(frozen=True)
class Message:
    """``number`` orders the messages of a run. ``to`` are addresses of e-mail, or a member of Slack to be named.

    ``action`` is what PagerDuty is to do: ``trigger``, ``acknowledge`` or ``resolve``.
    """

    number: int
    incident: str
    run: str
    environment: str
    kind: str
    detail: str
    channel: str
    audience: str
    severity: str
    drill: bool
    time: str
    subject: str
    text: str
    to: tuple[str, ...] = ()
    action: str = ""

    @property
    def id(self) -> str:
        """The same for the same message: incident, run, what happened, channel and audience."""
        parts = (self.incident, self.run, self.kind, self.detail, self.channel, self.audience)
        return ".".join(re.sub(r"[^A-Za-z0-9_-]+", "-", part) for part in parts if part)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Message:
        """The message that :meth:`as_dict` gave. Raises ``TypeError`` and ``KeyError``."""
        return cls(**{**stored, "to": tuple(stored["to"])})
