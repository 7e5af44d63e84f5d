"""Checks where the inventory keeps the ledger of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCUMENTATION = r"""
---
name: declared_ledger
short_description: Where the ledger of an environment is
version_added: "0.1.0"
description:
  - Turns C(ledger) of the inventory into what the modules take. One place may hold the ledgers of several environments,
    so each gets a part of its own, named after it.
options:
  _input: {description: C(ledger) of the inventory., type: dict, required: true}
  environment_name: {description: The environment., type: str, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
declared: "{{ ledger | declared_ledger(environment_name) }}"
"""

RETURN = r"""
_value:
  description: C(ledger) for the modules, C(problems) as sentences without the name of the file.
  type: dict
"""

# What each backend needs, and the name of the part that belongs to the environment.
_NEEDS = {"directory": "path", "kv": "namespace", "git": "repository", "none": None}
_PART = {"kv": "prefix", "git": "folder"}
_OPTIONAL = {"git": {"branch"}}


def declared_ledger(declared: Any, environment: str) -> dict[str, Any]:
    """See DOCUMENTATION."""
    if not isinstance(declared, Mapping) or declared.get("backend") not in _NEEDS:
        return {"ledger": {}, "problems": [f"ledger.backend must be one of {', '.join(_NEEDS)}"]}
    backend = declared["backend"]
    needed = _NEEDS[backend]
    known = {"backend", needed, *_OPTIONAL.get(backend, ())}
    problems = [
        f"ledger.{name} is nothing that the backend {backend} has" for name in declared if name not in known
    ]
    if needed and not declared.get(needed):
        problems.append(f"ledger.{needed} is not set: the backend {backend} needs it")
    ledger = {name: value for name, value in declared.items() if name in known}
    if backend == "directory":
        ledger["path"] = str(Path(str(declared.get("path") or ".")) / environment)
    elif backend in _PART:
        ledger[_PART[backend]] = environment
    return {"ledger": ledger, "problems": problems}


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_ledger": declared_ledger}
