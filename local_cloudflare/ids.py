"""Identifiers and times in the forms the Cloudflare API uses."""

import secrets
import uuid
from datetime import UTC, datetime


def hex_id() -> str:
    """32 hexadecimal digits: accounts, zones, records, tokens, KV namespaces."""
    return secrets.token_hex(16)


def uuid_id() -> str:
    """A hyphenated UUID: Worker versions, deployments, Pages deployments."""
    return str(uuid.uuid4())


def now() -> str:
    """The present time, ISO 8601 UTC with microseconds and `Z`; such texts sort by time."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def epoch_ms(text: str) -> int:
    """Milliseconds since 1970 of a text made by `now`."""
    return int(datetime.fromisoformat(text).timestamp() * 1000)
