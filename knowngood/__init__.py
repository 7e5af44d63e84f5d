"""Known Good from Python, and the command ``knowngood``."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

PROJECT = Path(__file__).resolve().parents[1]
# Ansible offers a project's module_utils to modules only; here a command needs them.
ansible.module_utils.__path__.append(str(PROJECT / "plugins" / "module_utils"))

from .environment import Environment  # noqa: E402
from .inventory import NotUsable  # noqa: E402
from .result import Check, Event, Result  # noqa: E402
from .run import Run, StillRunning  # noqa: E402

__all__ = ["PROJECT", "Check", "Environment", "Event", "NotUsable", "Result", "Run", "StillRunning"]
