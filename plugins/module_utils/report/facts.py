"""The events of a journal, ready to be asked: by kind, by stage, and as moments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

__all__ = ["Event", "Facts", "iso", "listed", "moment", "plural"]

Event = dict[str, Any]


class Facts:
    """``stages`` names the stage that each event of ``events`` was written in, ``""`` outside of any."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.events = [event for event in events if isinstance(event.get("event"), str)]
        self.stages: list[str] = []
        open_: list[str] = []
        for event in self.events:
            if event["event"] == "stage.end" and open_:
                self.stages.append(open_.pop())
                continue
            if event["event"] == "stage.start":
                open_.append(str(event.get("stage", "")))
            self.stages.append(open_[-1] if open_ else "")
        self.unfinished_stage = open_[-1] if open_ else ""

    def all(self, *kinds: str, stage: str | None = None) -> list[Event]:
        """The events of these kinds, oldest first, of one stage when asked."""
        return [
            event
            for event, where in zip(self.events, self.stages, strict=True)
            if event["event"] in kinds and stage in (None, where)
        ]

    def first(self, *kinds: str) -> Event:
        """The first of these kinds; empty when there is none."""
        return next(iter(self.all(*kinds)), {})

    def last(self, *kinds: str, stage: str | None = None) -> Event:
        """The last of these kinds; empty when there is none."""
        found = self.all(*kinds, stage=stage)
        return found[-1] if found else {}

    def stage(self, name: str) -> Event:
        """The start of a stage; empty when it did not begin."""
        return next((event for event in self.all("stage.start") if event.get("stage") == name), {})

    def said(self, name: str) -> Any:
        """The first value, other than an empty one, that any event which describes the run gives for ``name``."""
        describing = self.all("incident.opened", "run.start", "plan", "goal", "stage.start")
        return next((event[name] for event in describing if event.get(name)), None)

    @property
    def end(self) -> Event:
        """How the run ended, by its last word; empty when it did not."""
        return self.last("outcome")


def moment(text: Any) -> datetime | None:
    """A time as an event or a person wrote it; ``None`` when it is none. Without a zone it is UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def iso(when: datetime) -> str:
    """UTC to the second."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plural(count: int, one: str, many: str = "") -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
