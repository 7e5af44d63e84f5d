"""From news to messages: who hears of it, through which channels, and in a drill through which instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..redact import Redactor
from .message import Message
from .news import ENDS, FAILURES, News
from .support import support_text
from .texts import Texts

__all__ = ["Composer"]

# PagerDuty hears of what makes an alert, and of its end. That a run goes well acknowledges nothing: a person does.
_ACTIONS = dict.fromkeys(("opened", "refused", "declined", "cancelled", "not_proved", *FAILURES), "trigger")
_ACTIONS |= {"acknowledged": "acknowledge", "resolved": "resolve"}


class Composer:
    """``settings`` are those of the process that sends; ``number`` is that of the last message that there is.

    Messages to users are marked by their audience: they are held until they are approved.
    """

    def __init__(
        self, settings: Mapping[str, Any], texts: Texts, redactor: Redactor, number: int = 0
    ) -> None:
        self._channels, self._prefix, self._account = (settings[n] for n in ("channels", "prefix", "account"))
        self._texts, self._redactor, self._number = texts, redactor, number
        self.failed_calls: list[Mapping[str, Any]] = []

    @property
    def support(self) -> str:
        """The text for the vendor's support about what failed so far; empty when nothing did."""
        return self._redactor.text(support_text(self.failed_calls, self._account))

    def messages(self, news: News) -> list[Message]:
        """The messages about one thing, in the order in which they are to go out."""
        found = []
        for audience in self._texts.audiences(news.kind):
            said = self._texts.subject_and_text(news, audience, self.support)
            if said is not None:
                for channel, to in self._ways(news, audience):
                    found.append(self._message(news, audience, channel, to, *said))
        return found

    def _ways(self, news: News, audience: str) -> list[tuple[str, tuple[str, ...]]]:
        contact, drill = news.facts.get("contact"), bool(news.facts.get("drill"))
        if contact is not None:
            return self._to_contact(contact, drill)
        ways: list[tuple[str, tuple[str, ...]]] = []
        slack, email, webhook = (self._channels.get(name) for name in ("slack", "email", "webhook"))
        if (
            slack
            and audience == "responders"
            and (not drill or slack["drill_webhook"] or slack["drill_channel"])
        ):
            ways.append(("slack", ()))
        if "pagerduty" in self._channels and audience == "responders" and not drill and news.kind in _ACTIONS:
            ways.append(("pagerduty", ()))
        if email and (to := email["to"].get("drill" if drill else audience)):
            ways.append(("email", tuple(to)))
        if webhook and audience in webhook["audiences"]:
            ways.append(("webhook", ()))
        if "grafana" in self._channels and audience == "responders" and news.kind in ("opened", *ENDS):
            ways.append(("grafana", ()))
        return ways

    def _to_contact(self, contact: Mapping[str, Any], drill: bool) -> list[tuple[str, tuple[str, ...]]]:
        """A drill calls nobody out of bed: what would have been sent goes to the drill's own place."""
        how = contact["how"]
        channel = self._channels.get(how)
        if channel is None:
            return []
        if not drill:
            return [(how, (contact["to"],))]
        if how == "email":
            return [(how, tuple(channel["to"]["drill"]))] if channel["to"].get("drill") else []
        return [(how, ())] if channel["drill_webhook"] or channel["drill_channel"] else []

    def _message(
        self, news: News, audience: str, channel: str, to: tuple[str, ...], subject: str, text: str
    ) -> Message:
        drill = bool(news.facts.get("drill"))
        self._number += 1
        return Message(
            number=self._number,
            incident=str(news.facts["incident"]),
            run=str(news.facts["run"]),
            environment=str(news.facts["environment"]),
            kind=news.kind,
            detail=news.detail,
            channel=channel,
            audience=audience,
            severity=str(news.facts.get("severity") or "CRITICAL"),
            drill=drill,
            time=news.time,
            subject=self._redactor.text(f"{self._prefix} {subject}" if drill else subject),
            text=self._redactor.text(text),
            to=to,
            action=_ACTIONS.get(news.kind, "") if channel == "pagerduty" else "",
        )
