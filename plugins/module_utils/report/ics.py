"""The review as a calendar file (RFC 5545)."""

from __future__ import annotations

from datetime import datetime, timedelta

from .incident import Incident
from .plain import plain

__all__ = ["ics_of"]

_LENGTH = timedelta(hours=1)
_OCTETS = 75


def ics_of(incident: Incident) -> str:
    """One event of an hour at the review's due time, with a reminder an hour before; the same id again updates it."""
    begins = datetime.fromisoformat(incident.review)
    stamp = datetime.fromisoformat(incident.last_event or incident.review)
    todo = "\n".join(f"{item.id} {item.title} ({item.owner}, {item.due})" for item in incident.actions)
    drill = "DRILL: " if incident.drill else ""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Known Good//Incident review//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{_text(incident.id)}-review@knowngood",
        f"DTSTAMP:{_time(stamp)}",
        f"DTSTART:{_time(begins)}",
        f"DTEND:{_time(begins + _LENGTH)}",
        f"SUMMARY:{_text(f'{drill}Incident review: {incident.title} ({incident.severity})')}",
        f"DESCRIPTION:{_text(f'{incident.happened} {incident.over}')}\\n{_lines(todo)}",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        f"DESCRIPTION:{_text(f'Incident review {incident.id}')}",
        "TRIGGER:-PT1H",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _time(when: datetime) -> str:
    return when.strftime("%Y%m%dT%H%M%SZ")


def _text(text: str) -> str:
    told = plain(text)
    for special in ("\\", ";", ","):
        told = told.replace(special, "\\" + special)
    return told


def _lines(text: str) -> str:
    return "\\n".join(_text(line) for line in text.split("\n"))


def _folded(line: str) -> str:
    """At most 75 octets a line, never within a letter."""
    parts, size = [""], 0
    for letter in line:
        octets = len(letter.encode())
        if size + octets > _OCTETS:
            parts.append(" ")
            size = 1
        parts[-1] += letter
        size += octets
    return "\r\n".join(parts)
