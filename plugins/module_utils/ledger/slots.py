"""Slots: small values beside the entries, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import LedgerError

__all__ = ["decoded", "encoded", "same"]


def encoded(value: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(value), ensure_ascii=False, allow_nan=False).encode()


def decoded(data: bytes | str | None, where: str) -> dict[str, Any] | None:
    """The value of a slot; ``None`` for no data."""
    if data is None:
        return None
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise LedgerError(f"{where} is not JSON of ours: remove it if nobody uses the ledger now")
    return value


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether two values are equal once they are stored."""
    return (one is None) == (other is None) and (
        one is None or other is None or json.loads(encoded(one)) == json.loads(encoded(other))
    )
