"""How an environment is drilled: ``drills`` of its inventory, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Settings", "problems_in", "settings_of"]

_KNOWN = (
    "allowed", "identities", "deploy", "migrate", "sentinel", "faults", "vantage_points", "every", "history",
    "time_box", "stop_file", "slower_allowed",
)  # fmt: skip
_IDENTITIES = ("accounts", "zones", "databases", "addresses")
# Days; S102 asks for a drill every month.
_EVERY = 31.0
# Seconds; S103 allows 30 to 60 minutes.
_TIME_BOX = 3600.0
_SLOWER_ALLOWED = 0.2


@dataclass(frozen=True, slots=True)
class Settings:
    """``every`` is in days, ``time_box`` in seconds, ``slower_allowed`` a share of the usual RTO."""

    deploy: tuple[str, ...]
    migrate: tuple[str, ...]
    sentinel: Mapping[str, Any] | None
    faults: str
    vantage_points: Mapping[str, str]
    every: float
    history: Path
    time_box: float
    stop_file: Path
    slower_allowed: float


def settings_of(declared: Mapping[str, Any], runs: Path) -> Settings:
    """From a declaration in which :func:`problems_in` finds nothing."""
    return Settings(
        deploy=tuple(map(str, declared.get("deploy") or ())),
        migrate=tuple(map(str, declared.get("migrate") or ())),
        sentinel=declared.get("sentinel") or None,
        faults=str(declared.get("faults") or "").rstrip("/"),
        vantage_points=declared.get("vantage_points") or {"here": ""},
        every=float(declared.get("every", _EVERY)),
        history=Path(declared.get("history") or runs / "drills.jsonl"),
        time_box=float(declared.get("time_box", _TIME_BOX)),
        stop_file=Path(declared.get("stop_file") or runs / "stop-drill"),
        slower_allowed=float(declared.get("slower_allowed", _SLOWER_ALLOWED)),
    )


def problems_in(declared: Any, file: str) -> list[str]:
    """What is wrong with ``drills``, one sentence each that names the file."""
    if not isinstance(declared, Mapping):
        return [f"{file}: drills must be a mapping (docs/drills.md)"]
    problems = [
        f"drills.{name} is nothing that drills have; there are {', '.join(_KNOWN)}"
        for name in sorted(set(map(str, declared)) - set(_KNOWN))
    ]
    identities = declared.get("identities")
    if identities is not None and not (
        isinstance(identities, Mapping) and set(identities) <= set(_IDENTITIES)
    ):
        problems.append(f"drills.identities must be a mapping of {', '.join(_IDENTITIES)}")
    for name in ("deploy", "migrate"):
        command = declared.get(name)
        if command is not None and not (
            isinstance(command, list) and all(isinstance(each, str) for each in command)
        ):
            problems.append(f"drills.{name} must be a command, as a list of words")
    if not any("{release}" in str(word) for word in declared.get("deploy") or []):
        problems.append(
            "drills.deploy must be the command that deploys a release, with {release} where its name goes"
        )
    for name in ("every", "time_box", "slower_allowed"):
        value = declared.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            problems.append(f"drills.{name} must be a number above 0")
    sentinel = declared.get("sentinel")
    if sentinel:
        known = isinstance(sentinel, Mapping) and set(sentinel) <= {"url", "send", "id"}
        if not known or not str(sentinel.get("url", "")).startswith("https://"):
            problems.append("drills.sentinel must be a mapping of url (https://...), send, and id")
    points = declared.get("vantage_points")
    if points is not None and not (isinstance(points, Mapping) and points):
        problems.append("drills.vantage_points must be names with addresses of this machine to ask from")
    return [f"{file}: {problem}" for problem in problems]
