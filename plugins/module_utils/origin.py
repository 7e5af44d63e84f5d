"""What a run was made with: the versions of Known Good and of its runbook, hashes of its code and of the inventory."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

__all__ = ["origin_of"]

_ROOT = Path(__file__).resolve().parents[2]
_TOOL = ("playbooks", "roles", "library", "plugins", "ansible.cfg", "pyproject.toml")
# What Ansible reads beside an inventory that is one file.
_BESIDE = ("group_vars", "host_vars")
_MADE = ("__pycache__", ".pyc")
_RUNBOOK = re.compile(r"^\| (Version|Reviewed) \| ([\d.-]*\d)", re.MULTILINE)


def origin_of(inventories: Sequence[str]) -> dict[str, Any]:
    """``version``; ``tool_hash`` of playbooks, roles and plugins; ``inventory`` and ``inventory_hash`` of its files.

    The hashes are SHA-256 over the names and contents of the files, in the order of their names, so that the same
    files have the same hash wherever they are. Encrypted files count as they are stored. What cannot be read is left
    out of a hash: the record of a run does not fail it. ``runbook`` is the version of docs/runbook.md, and
    ``runbook_reviewed`` the day of its last review, as it says itself.
    """
    told: dict[str, Any] = {"tool_hash": _hash(_ROOT / name for name in _TOOL)}
    with suppress(OSError, ValueError, KeyError):
        told["version"] = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "version"
        ]
    with suppress(OSError, UnicodeDecodeError, KeyError):
        said = dict(_RUNBOOK.findall((_ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")))
        told |= {"runbook": said["Version"], "runbook_reviewed": said["Reviewed"]}
    # "a,b," is a list of hosts and no file.
    places = [Path(place).resolve() for place in inventories if "," not in place]
    if places:
        told["inventory"] = [place.name for place in places]
        told["inventory_hash"] = _hash(file for place in places for file in (place, *_beside(place)))
    return told


def _beside(place: Path) -> list[Path]:
    return [] if place.is_dir() else [place.parent / name for name in _BESIDE]


def _hash(places: Iterable[Path]) -> str:
    total = sha256()
    for place in places:
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and not any(str(file).endswith(end) or end in file.parts for end in _MADE):
                with suppress(OSError):
                    # Each part has a length of its own, so that no name can pass for content.
                    name = file.relative_to(place.parent).as_posix()
                    total.update(sha256(name.encode(errors="surrogateescape")).digest())
                    total.update(sha256(file.read_bytes()).digest())
    return total.hexdigest()
