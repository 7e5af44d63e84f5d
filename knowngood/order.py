"""What a supervisor is told to play."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Order"]


@dataclass(frozen=True, slots=True)
class Order:
    """One run of a playbook.

    ``root`` is the folder of ``ansible.cfg`` and the playbooks, ``inventory`` a path, ``runs`` the folder that gets
    a folder for the run. ``arguments`` go to ``ansible-playbook`` as they are, where every user of the machine can
    read them; ``extra`` are extra variables, which only the run sees. ``timeout`` is in seconds.
    """

    root: str
    playbook: str
    environment: str
    inventory: str
    run: str
    runs: str
    arguments: Sequence[str] = ()
    extra: Mapping[str, Any] | None = None
    timeout: float | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self), default=str)

    @classmethod
    def of_json(cls, text: str) -> Order:
        """Raises ValueError when the text is only half there: whoever gave the order died over it."""
        return cls(**json.loads(text))
