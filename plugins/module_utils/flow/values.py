"""``$(name)`` in a flow stands for a value: one of our own, a declared one, or one that an answer gave.

Ansible templates what an inventory says, so the sign is not Jinja's.
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

__all__ = [
    "OWN",
    "Unknown",
    "filled",
    "in_expression",
    "in_pattern",
    "in_url",
    "names_in",
    "own_values",
]

_NAME = re.compile(r"\$\(([A-Za-z_]\w*)\)")
# What every flow can use. A flow that is tried again gets new ones.
OWN = ("user", "email", "password", "id", "key", "run", "now", "since")


class Unknown(Exception):
    """A value that is not known (yet)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"$({name}) is not known")
        self.name = name


def own_values(run: str, since: str) -> dict[str, Any]:
    """New values for one attempt: a synthetic user, an address, a password, an id, an idempotency key, times.

    Times are UTC, ISO 8601. ``since`` is from when on the environment is as it is now.
    """
    name = uuid.uuid4()
    user = f"knowngood-{name.hex[:12]}"
    return {
        "user": user,
        # A domain in which nobody gets mail (RFC 2606).
        "email": f"{user}@example.com",
        # Rules for passwords want a letter of each kind, a digit and a sign.
        "password": f"Kg1-{secrets.token_urlsafe(18)}",
        "id": str(name),
        "key": f"knowngood-{uuid.uuid4().hex}",
        "run": run,
        "now": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "since": since,
    }


def names_in(value: Any) -> set[str]:
    """The values that are used somewhere in a JSON-like declaration."""
    if isinstance(value, str):
        return set(_NAME.findall(value))
    if isinstance(value, Mapping):
        return {name for item in value.items() for part in item for name in names_in(part)}
    if isinstance(value, list | tuple):
        return {name for item in value for name in names_in(item)}
    return set()


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """A JSON-like declaration with its values; one that stands alone keeps its type. Raises :class:`Unknown`."""
    if isinstance(value, str):
        alone = _NAME.fullmatch(value)
        return _value(alone[1], known) if alone else _put(value, known, _text)
    if isinstance(value, Mapping):
        return {_put(str(key), known, _text): filled(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [filled(item, known) for item in value]
    return value


def in_url(text: str, known: Mapping[str, Any]) -> str:
    """An address. A value at its beginning is one itself, elsewhere it cannot add a part."""
    first = _NAME.match(text)
    start = _text(_value(first[1], known)) if first else ""
    rest = text[first.end() :] if first else text
    return start + _put(rest, known, lambda value: quote(_text(value), safe=""))


def in_expression(text: str, known: Mapping[str, Any]) -> str:
    """A JMESPath expression. A value is a literal in it, so that none can change what is asked."""
    return _put(text, known, _literal)


def in_pattern(text: str, known: Mapping[str, Any]) -> str:
    """A regular expression. A value is met as it is."""
    return _put(text, known, lambda value: re.escape(_text(value)))


def _literal(value: Any) -> str:
    return "`" + json.dumps(value).replace("`", "\\u0060") + "`"


def _put(text: str, known: Mapping[str, Any], as_text: Callable[[Any], str]) -> str:
    return _NAME.sub(lambda found: as_text(_value(found[1], known)), text)


def _value(name: str, known: Mapping[str, Any]) -> Any:
    if known.get(name) is None:
        raise Unknown(name)
    return known[name]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
