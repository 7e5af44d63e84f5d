"""The command ``knowngood``, and what belongs to it."""

from __future__ import annotations

from pathlib import Path

import ansible.module_utils

__all__ = ["PROJECT"]

PROJECT = Path(__file__).resolve().parents[1]
# Ansible offers a project's module_utils to modules only; here a command needs them.
ansible.module_utils.__path__.append(str(PROJECT / "plugins" / "module_utils"))
