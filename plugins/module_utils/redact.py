"""Secrets are taken out of everything that is written or shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

__all__ = ["Redactor"]

HIDDEN = "********"
_BEARER = re.compile(r"(?i)(bearer\s+|(?:x-auth-key|api[_-]?token|password|secret)\s*[:=]\s*)[^\s\"',;&]+")
_URL_PASSWORD = re.compile(r"(://[^/\s:@]+:)[^@\s/]+(@)")


class Redactor:
    """Replaces known secrets, and what looks like a credential, in any JSON-like value."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str | None) -> None:
        """Hide this one too."""
        # A secret of a few characters would blank out ordinary words.
        if secret and len(secret) >= 6:
            self._secrets = sorted({*self._secrets, secret}, key=len, reverse=True)

    def text(self, value: str) -> str:
        for secret in self._secrets:
            value = value.replace(secret, HIDDEN)
        value = _BEARER.sub(rf"\g<1>{HIDDEN}", value)
        return _URL_PASSWORD.sub(rf"\g<1>{HIDDEN}\g<2>", value)

    def __call__(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(str(key)): self(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self(item) for item in value]
        return value
