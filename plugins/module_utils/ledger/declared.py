"""What the inventory says of where the ledger is, checked."""

from __future__ import annotations

from collections.abc import Mapping
from getpass import getuser
from pathlib import Path
from socket import gethostname
from typing import Any

__all__ = ["declared_ledger", "operator_of"]

# What each backend needs, and the name of the part that belongs to the environment.
_NEEDS = {"directory": "path", "kv": "namespace", "git": "repository", "none": None}
_PART = {"kv": "prefix", "git": "folder"}
_OPTIONAL = {"git": {"branch"}}


def declared_ledger(declared: Any, environment: str) -> dict[str, Any]:
    """``ledger`` for :func:`open_backend`, and ``problems`` as sentences.

    One place may hold the ledgers of several environments: each has a part of its own, named after it.
    """
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


def operator_of(declared: str) -> str:
    """Who gives a command: as the inventory says, or else the user of this machine."""
    return declared or f"{getuser()}@{gethostname()}"
