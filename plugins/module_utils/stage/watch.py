"""Watch an environment for as long as asked, and say when it gets worse. Changes nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any

from ..outcome import NOT_PROVED, REFUSED, outcome
from ..signal.model import Window
from ..verdict.files import write_for
from ..verdict.sequential import Hypotheses
from ..verdict.whole import ended, table
from .following import FOLLOWING, Following
from .options import CLOUDFLARE, COMPONENTS, GROUPING, LOCKED, PROBING, RUN, SIGNALS
from .rates import hypotheses
from .task import Task
from .watching import Watching

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **COMPONENTS,
    **CLOUDFLARE,
    **GROUPING,
    **LOCKED,
    **PROBING,
    **SIGNALS,
    **FOLLOWING,
    "identities": {"type": "dict", "default": {}},
    "seconds": {"type": "float", "required": True},
    "rate": {"type": "float", "default": 2},
    "look": {"type": "float", "default": 15},
    "errors": hypotheses(0.01, 0.005, 0.02),
    "late": hypotheses(0.05, 0.025, 0.1),
    "rolled_back_to": {"type": "str", "default": ""},
    "so_far": {"type": "dict", "default": {}},
}
# A watch without an end is as long as this where the rate of false alarms is stated.
_DAY = 86400.0


def work(task: Task) -> dict[str, Any]:
    """Look again and again, until the time is over or something is worse; then say which."""
    params = task.params
    errors, late = Hypotheses(**params["errors"]), Hypotheses(**params["late"])
    if problems := _problems(params, errors, late):
        return {"outcome": _refused(params, problems)}
    seconds, rate = params["seconds"], params["rate"]
    try:
        watching = Watching(task, dict(params["identities"]), errors, late, (seconds or _DAY) * rate)
    except (OSError, ValueError) as error:
        return {"outcome": _refused(params, [f"the components cannot be asked: {error}"])}
    began, start = datetime.now(UTC), time.monotonic()
    following = Following(task, watching)
    worse: list[dict[str, Any]] = []
    with task.journal.stage("watch", seconds=seconds, rate=rate, so_far=params["so_far"].get("message")):
        following.look_behind()
        while not (worse or following.overtaken or watching.ended_by):
            left = seconds - (time.monotonic() - start) if seconds else inf
            if left < 0.1:
                break
            watching.round(min(params["look"], left), rate)
            task.journal.write("watch.look", of=seconds or None, at=_since(start), **watching.so_far)
            if watching.wrong or watching.hidden:
                following.look_behind()
            worse = watching.alarms
            if worse and following.another_serves():
                # It was asked while it changed: that says nothing of either version.
                worse = []
            worse = worse or following.look()
        early = following.overtaken or _early(watching, _since(start), seconds)
        if not (worse or early):
            worse = following.look(at_the_end=True)
        checks = [*watching.checks, *following.checks]
        if not (worse or early):
            signalled, worse = following.signals(Window(began, datetime.now(UTC)))
            checks += signalled
        for check in checks:
            task.journal.write("check", **check)
    found = {"checks": checks, "files": write_for(task.journal), "regression": None}
    if early and not worse:
        return {**found, "outcome": _ended_early(params, early, checks)}
    if params["follow"] and worse:
        regression = following.decided(worse)
        task.journal.write("watch.regression", **regression)
        return {**found, "regression": regression}
    return {**found, "outcome": _end(params, checks, watching, _since(start))}


def _since(start: float) -> float:
    return round(time.monotonic() - start, 1)


def _problems(params: Mapping[str, Any], errors: Hypotheses, late: Hypotheses) -> list[str]:
    found = [f"watch_errors: {problem}" for problem in errors.problems()]
    found += [f"watch_late: {problem}" for problem in late.problems()]
    found += [f"watch_{name} must be above 0" for name in ("rate", "look") if not 0 < params[name] < inf]
    if not 0 <= params["seconds"] < inf:
        found.append("the time to watch must be a number of seconds, and 0 is without an end")
    return found


def _end(
    params: Mapping[str, Any], checks: list[dict[str, Any]], watching: Watching, seconds: float
) -> dict[str, Any]:
    environment = params["environment_name"]
    again = (
        f"ansible-playbook validate.yml -i {environment} --tags watch -e watch_seconds={params['seconds']:g}"
    )
    if params["follow"]:
        again = f"ansible-playbook watch.yml -i {environment} -e for={params['seconds']:g}"
    if watching.hidden:
        again = f"ansible-playbook recovery.yml -i {environment} -e step=maintenance -e state=off"
    return ended(
        environment,
        checks,
        so_far=params["so_far"],
        claim="it stays well",
        passed=f"watched for {seconds:.0f} s, {watching.requests} requests, it stays well",
        rolled_back_to=params["rolled_back_to"],
        again=again,
    )


def _early(watching: Watching, after: float, seconds: float) -> str:
    if watching.ended_by is None:
        return ""
    of = f" of {seconds:g} s" if seconds else ""
    return f"somebody ended it ({watching.ended_by}) after {after:.0f} s{of}, and nothing had got worse"


def _ended_early(params: Mapping[str, Any], why: str, checks: list[dict[str, Any]]) -> dict[str, Any]:
    environment, release = params["environment_name"], params["rolled_back_to"]
    return outcome(
        NOT_PROVED,
        f"{f'the set stays at {release}, which was proved; ' if release else ''}the watch ended early: {why}",
        next_=f"ansible-playbook status.yml -i {environment}",
        details=[*params["so_far"].get("details", []), *table(checks)],
    )


def _refused(params: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    environment = params["environment_name"]
    if params["rolled_back_to"]:
        # The set has moved: that it is not watched takes nothing of that back.
        return outcome(
            NOT_PROVED,
            f"the set is at {params['rolled_back_to']}, and was not watched: a setting is wrong",
            next_=f"correct it, then ansible-playbook validate.yml -i {environment} --tags watch -e watch_seconds=300",
            details=[*params["so_far"].get("details", []), *problems],
        )
    return outcome(
        REFUSED,
        "nothing was watched: a setting is wrong",
        next_="correct it, then run again",
        details=problems,
    )
