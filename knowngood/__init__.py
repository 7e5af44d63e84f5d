"""Known Good from Python (docs/runner.md), and the command ``knowngood``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible.module_utils

if TYPE_CHECKING:
    from .environment import Environment
    from .inventory import NotUsable
    from .result import Check, Event, Result
    from .run import Run, StillRunning

__all__ = ["PROJECT", "Check", "Environment", "Event", "NotUsable", "Result", "Run", "StillRunning"]

PROJECT = Path(__file__).resolve().parents[1]
# Ansible offers a project's module_utils to modules only; here a command needs them.
ansible.module_utils.__path__.append(str(PROJECT / "plugins" / "module_utils"))

_WHERE = {
    "Check": "result",
    "Environment": "environment",
    "Event": "result",
    "NotUsable": "inventory",
    "Result": "result",
    "Run": "run",
    "StillRunning": "run",
}


def __getattr__(name: str) -> Any:
    # What loads them takes longer than the help of the command may.
    if name in _WHERE:
        return getattr(import_module(f".{_WHERE[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
