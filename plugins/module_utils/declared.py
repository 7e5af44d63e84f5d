"""The variables of one inventory host, and what is wrong with them, naming the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Declared", "resolved"]


def resolved(value: Any) -> Any:
    """Resolved all the way down."""
    if isinstance(value, Mapping):
        return {str(key): resolved(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(item) for item in value]
    return value if isinstance(value, bool | int | float) or value is None else str(value)


class Declared:
    """Reads variables; a missing or unresolvable one becomes a sentence in ``problems``."""

    def __init__(self, host: str, variables: Mapping[str, Any]) -> None:
        self.host = host
        self._variables = variables
        self._wrong: list[str] = []

    def value(self, name: str, default: Any = None) -> Any:
        """A variable, or the default when it is not set."""
        try:
            return self._variables.get(name, default)
        except Exception as error:
            self.wrong(f"{name} cannot be resolved: {error}")
            return default

    def required(self, name: str, why: str = "") -> Any:
        """A variable that must be set and not empty."""
        found = self.value(name)
        if not found:
            self.wrong(f"{name} is not set{why}")
        return found

    def wrong(self, text: str) -> None:
        self._wrong.append(text)

    @property
    def problems(self) -> list[str]:
        path = Path(str(self._variables.get("inventory_file") or "the inventory"))
        return [f"{'/'.join(path.parts[-2:])}: {self.host}: {text}" for text in self._wrong]
