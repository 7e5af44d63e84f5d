"""SQL text: cut into statements, and values written as literals."""

import math
import re
import sqlite3
from collections.abc import Iterator

_NOTHING = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|;)*", re.DOTALL)


def statements(text: str) -> Iterator[str]:
    """The statements of a script in order, without those that are only blanks and comments.

    SQLite itself says where one ends, so semicolons in texts, comments and trigger bodies do not count.
    """
    start = end = 0
    while (end := text.find(";", end)) >= 0:
        end += 1
        if sqlite3.complete_statement(text[start:end]):
            yield from _told(text[start:end])
            start = end
    yield from _told(text[start:])


def _told(text: str) -> Iterator[str]:
    begins = _NOTHING.match(text)
    assert begins is not None
    if begins.end() < len(text):
        yield text[begins.end() :].strip()


def literal(value: object) -> str:
    """A value that SQLite gave out, as SQL that gives the same value."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str):
        # A literal ends at a NUL, and an import would end there with it.
        return (
            f"CAST({literal(value.encode())} AS TEXT)"
            if "\0" in value
            else "'" + value.replace("'", "''") + "'"
        )
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return repr(value)


def identifier(name: str) -> str:
    """A quoted name."""
    return '"' + name.replace('"', '""') + '"'
