"""What sections are made of: tables, lists, links. Markdown and HTML show each in their own way."""

from __future__ import annotations

from dataclasses import dataclass

from .incident import Link, Step

__all__ = ["Block", "Code", "Items", "Links", "Table", "Text", "Ticks", "Titled", "Toned"]


class Code(str):
    """Text to be shown as code: a command, an id, a path."""

    __slots__ = ()


class Toned(str):
    """Text with a tone: good, warn, bad."""

    tone = "plain"

    @classmethod
    def of(cls, text: str, tone: str) -> str:
        """The text, with its tone where it has one."""
        if tone == "plain":
            return text
        told = cls(text)
        told.tone = tone
        return told


@dataclass(frozen=True, slots=True)
class Titled:
    """A list under a title of its own."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Links:
    title: str
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Lines that are to be copied as they are."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def titled(self) -> bool:
        """Without titles the first cell of a row says what the second is."""
        return any(self.head)


@dataclass(frozen=True, slots=True)
class Items:
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ticks:
    steps: tuple[Step, ...]
    title: str = ""


Block = str | Table | Items | Titled | Links | Text | Ticks
