"""What a job of AWX leaves: its artifacts, which AWX shows, and hands to the next jobs of a workflow as variables."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["artifacts"]

# AWX keeps artifacts in its database, and hands them on.
_LARGEST = 1_000_000


def artifacts(stage: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Artifacts by name, of a stage's result; later ones of the same name replace earlier ones.

    ``plan`` is the option that binds a rollback to the plan, and comes of nothing but a plan. All
    other names are of our own, so that no later job takes them for an option. The journal is gzip in
    Base64, because its hashes are those of its bytes.
    """
    told: dict[str, Any] = {}
    end = result.get("outcome")
    if end is not None:
        told["knowngood_run"] = result["run"]
        told["knowngood_outcome"] = {name: end[name] for name in ("exit_code", "verdict", "message", "next")}
    if stage == "plan_write" and "hash" in result:
        told["plan"] = result["hash"]
    if stage == "report":
        told |= _report(result)
    return told


def _report(result: Mapping[str, Any]) -> dict[str, Any]:
    files = {
        "knowngood_report": result.get("files", {}).get("incident.md", ""),
        "knowngood_journal": result["journal"],
    }
    told: dict[str, Any] = {"knowngood_archive": result["archive"]} if result.get("archive") else {}
    for name, path in files.items():
        try:
            data = Path(path).read_bytes()
        except OSError:
            # The warnings of the report say what was not written.
            continue
        text = data.decode() if name == "knowngood_report" else base64.b64encode(gzip.compress(data)).decode()
        told[name] = (
            text if len(text) <= _LARGEST else f"{len(text)} characters, more than an artifact may have"
        )
    return told
