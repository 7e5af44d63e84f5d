"""What a security gate found, as SARIF 2.1.0 says it (S21).

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html, 3.27 (result).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["LEVELS", "Finding", "NotSarif", "findings"]

LEVELS = ("note", "warning", "error")
# A result with one of these was there before this release, or is not there any more.
_NOT_NEW = ("unchanged", "absent")


class NotSarif(Exception):
    """The file says nothing that could be relied upon; the message names it."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a scanner. ``where`` is ``file:line``, or empty."""

    tool: str
    rule: str
    level: str
    where: str

    def __str__(self) -> str:
        return f"{self.tool}: {self.rule} ({self.level}){f' in {self.where}' if self.where else ''}"


def findings(path: Path, level: str) -> list[Finding]:
    """What is at ``level`` or above, new, and not accepted by anybody. Raises :class:`NotSarif`."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        runs = told["runs"]
        if told["version"] != "2.1.0" or not isinstance(runs, list):
            raise ValueError("it is not SARIF 2.1.0")
        # A scanner that broke off found nothing for the wrong reason.
        if any(
            not invoked.get("executionSuccessful") for run in runs for invoked in run.get("invocations", ())
        ):
            raise ValueError("its scanner did not get to its end")
        found = [finding for run in runs for finding in _of(run)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        why = f"{error.args[0]} is missing in it" if isinstance(error, KeyError) else error
        raise NotSarif(f"{path} is no verdict of a gate: {why}") from None
    return [finding for finding in found if LEVELS.index(finding.level) >= LEVELS.index(level)]


def _of(run: Mapping[str, Any]) -> Iterator[Finding]:
    driver = run["tool"]["driver"]
    rules = driver.get("rules", [])
    by_id = {rule["id"]: rule for rule in rules}
    for result in run.get("results") or ():
        index = result.get("ruleIndex", -1)
        rule = rules[index] if 0 <= index < len(rules) else by_id.get(result.get("ruleId"), {})
        level = result.get("level") or rule.get("defaultConfiguration", {}).get("level", "warning")
        if result.get("kind", "fail") != "fail" or level not in LEVELS:
            continue
        if result.get("baselineState") in _NOT_NEW or _accepted(result):
            continue
        yield Finding(driver["name"], result.get("ruleId") or rule.get("id", "?"), level, _where(result))


def _accepted(result: Mapping[str, Any]) -> bool:
    suppressions = result.get("suppressions") or []
    return bool(suppressions) and all(each.get("status", "accepted") == "accepted" for each in suppressions)


def _where(result: Mapping[str, Any]) -> str:
    locations = result.get("locations") or [{}]
    place = locations[0].get("physicalLocation", {})
    uri, line = place.get("artifactLocation", {}).get("uri", ""), place.get("region", {}).get("startLine")
    return f"{uri}:{line}" if uri and line else str(uri)
