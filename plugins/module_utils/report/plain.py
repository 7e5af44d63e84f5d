"""Text from a journal made harmless: whoever wrote a reason or an error message does not steer who reads it."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

__all__ = ["clock", "day", "markdown", "markdown_code", "markdown_url", "plain", "seconds"]

_SPECIAL = re.compile(r"([\\`*\[\]<>|~#&])|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")
_TICKS = re.compile(r"`+")


def plain(text: object) -> str:
    """One line without control characters, and without those that turn the direction of reading."""
    kept = []
    for letter in str(text):
        if letter in "\n\r\t":
            kept.append(" ")
        elif (
            unicodedata.category(letter) in ("Cc", "Cs")
            or letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        ):
            kept.append("\N{REPLACEMENT CHARACTER}")
        else:
            kept.append(letter)
    return "".join(kept)


def markdown(text: object) -> str:
    """Text that Markdown shows as it is, in a table as well."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], plain(text))


def markdown_code(text: object) -> str:
    """Text as code, in a table as well."""
    told = plain(text)
    fence = "`" * (max((len(run) for run in _TICKS.findall(told)), default=0) + 1)
    space = " " if told.startswith("`") or told.endswith("`") else ""
    return f"{fence}{space}{told}{space}{fence}".replace("|", "\\|")


def markdown_url(url: str) -> str:
    """An address as the target of a link: what could end it is escaped."""
    return quote(plain(url), safe="%/:?#[]@!$&'*+,;=~-._")


def seconds(value: float | None) -> str:
    """``0.34 s``, ``12.1 s``, ``4 min 10 s``, ``1 h 05 min``; ``not known``."""
    if value is None:
        return "not known"
    if value < 1:
        return f"{value:.2f} s"
    if value < 120:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 7200:
        return f"{whole // 60} min {whole % 60:02} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def day(time: str | None) -> str:
    """An ISO time as people read it: ``2026-11-25 01:21:53 UTC``."""
    if not time:
        return "not known"
    return plain(time).replace("T", " ").replace("Z", " UTC")


def clock(time: str) -> str:
    """The time of day of an ISO time: ``01:21:53.207``."""
    return plain(time.partition("T")[2].removesuffix("Z") or time)
