"""Every drill leaves a line per scenario; the trend, the gate against getting slower, and the dates follow."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from .result import FAIL, PASS, Result

__all__ = ["Dates", "append", "dates_of", "line_of", "read_history", "slower"]

# Fewer runs than this say nothing about what is usual, more are of another time.
_LEAST, _MOST = 3, 5
# Seconds: what the observer, who asks once a second, cannot tell apart.
_RESOLUTION = 2.0


@dataclass(frozen=True, slots=True)
class Dates:
    """When the environment was last drilled, and when it is due next (S134, S135); ``None``: never, and now."""

    last: datetime | None
    next: datetime | None


def read_history(file: Path) -> list[dict[str, Any]]:
    """The lines, oldest first; none when there was no drill yet. A line that a kill tore is left out."""
    if not file.exists():
        return []
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def line_of(result: Result, *, run: str, environment: str, at: datetime) -> dict[str, Any]:
    """What is kept of a scenario."""
    told = result.as_dict()
    return {"time": at.isoformat(timespec="seconds"), "run": run, "environment": environment, **told}


def append(file: Path, line: Mapping[str, Any]) -> None:
    """One line, whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(line, ensure_ascii=False, default=str) + "\n"
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def slower(result: Result, history: Iterable[Mapping[str, Any]], environment: str, allowed: float) -> str:
    """In words by how much it was slower than usual, when that is more than allowed; otherwise empty."""
    if result.rto is None or result.verdict != PASS:
        return ""
    earlier = [
        float(line["rto"])
        for line in history
        if line["scenario"] == result.scenario
        and line["environment"] == environment
        and line["verdict"] == PASS
        and line.get("rto") is not None
    ][-_MOST:]
    if len(earlier) < _LEAST:
        return ""
    usual = median(earlier)
    if result.rto <= usual * (1 + allowed) or result.rto - usual <= _RESOLUTION:
        return ""
    return (
        f"RTO {result.rto:.1f} s is {100 * (result.rto / usual - 1):.0f} % slower than the median of the last "
        f"{len(earlier)} ({usual:.1f} s); {100 * allowed:.0f} % are allowed"
    )


def dates_of(history: Sequence[Mapping[str, Any]], environment: str, every: float) -> Dates:
    """The last drill in which nothing failed, and when the next is due. A drill is all lines of a run."""
    runs: dict[str, list[Mapping[str, Any]]] = {}
    for line in history:
        if line["environment"] == environment:
            runs.setdefault(str(line["run"]), []).append(line)
    passed = [
        max(datetime.fromisoformat(str(line["time"])) for line in lines)
        for lines in runs.values()
        if any(line["verdict"] == PASS for line in lines) and all(line["verdict"] != FAIL for line in lines)
    ]
    last = max(passed, default=None)
    return Dates(last, last + timedelta(days=every) if last else None)
