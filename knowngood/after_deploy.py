"""In a pipeline: roll back when its deploy, or a check after it, failed, and it changed something.

``knowngood after-deploy -i production --before before.json --deploy failure``
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.module_utils import outcome
from ansible.module_utils.trigger.pipeline import NotAResult, Said, changed, said, served
from ansible.module_utils.trigger.sarif import NotSarif, findings

from .environment import Environment, text
from .inventory import NotUsable
from .pipeline import about, tell
from .play import follow

__all__ = ["after_deploy"]

DONE: int = outcome.DONE
NOT_PROVED: int = outcome.NOT_PROVED


def after_deploy(given: argparse.Namespace) -> int:
    """The exit code of the rollback; without one 0, or 16 when nobody knows whether the release works.

    Raises :class:`NotUsable`, with nothing changed.
    """
    environment = Environment(given.inventory)
    found = _said(given)
    before = _before(Path(given.before)) if given.before else None
    if found.trigger is None:
        if found.proved:
            return _nothing(given, DONE, "DONE", f"nothing to undo: {found.reason}")
        next_ = f"knowngood validate -i {given.inventory}"
        return _nothing(given, NOT_PROVED, "NOT PROVED", f"nothing was rolled back: {found.reason}", next_)
    print(f"trigger  {found.trigger}: {found.reason}", file=sys.stderr)
    if before is not None:
        now = environment.status().result()
        # When it cannot be read, the rollback says why.
        moved = changed(before, now.status) if now.status is not None else ["?"]
        if not moved:
            why = (
                f"nothing to undo: {found.reason}, and it changed nothing: all serve what they served before"
            )
            return _nothing(given, DONE, "DONE", why)
        print(f"changed  {', '.join(moved)}", file=sys.stderr)
    return _rolled_back(given, environment, found, before)


def _said(given: argparse.Namespace) -> Said:
    try:
        failed = [item for path in given.sarif if path for item in findings(Path(path), given.level)]
        return said(deploy=given.deploy, health=given.health, performance=given.performance, findings=failed)
    except (NotSarif, NotAResult) as error:
        raise NotUsable(f"nothing was changed: {error}") from None


def _before(path: Path) -> dict[str, Any]:
    try:
        status: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["status"]
        served(status), [(row["name"], row["level"]) for row in status["databases"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotUsable(
            f"nothing was changed: --before {path} is not what knowngood lock --before wrote: {error}"
        ) from None
    return status


def _rolled_back(
    given: argparse.Namespace, environment: Environment, found: Said, before: Mapping[str, Any] | None
) -> int:
    pipeline = about(os.environ)
    variables = {
        "automatic": True,
        "trigger": found.trigger,
        "reason": text(f"{given.reason}: {found.reason}" if given.reason else found.reason),
        "severity": given.severity or None,
        **{name: text(value) for name, value in pipeline.items()},
        **({"incident": text(given.incident)} if given.incident else {}),
        **({"served_before": served(before)} if before else {}),
    }
    arguments = [argument for value in given.extra_vars for argument in ("-e", value)]
    run = environment.start("rollback", variables, arguments=arguments, timeout=given.timeout)
    result = follow(run, verbose=given.verbose > 0)
    if given.json:
        print(json.dumps(result.as_dict(), default=str))
    report = result.files.get("incident.html")
    outputs = {
        "exit-code": str(result.exit_code),
        "verdict": result.verdict,
        "message": result.message,
        "trigger": str(found.trigger),
        "run": result.run,
        "journal": str(result.journal),
        "report": str(report or ""),
    }
    tell(os.environ, outputs)
    return result.exit_code


def _nothing(given: argparse.Namespace, code: int, verdict: str, message: str, next_: str = "") -> int:
    """Say that nothing is rolled back, and why."""
    if given.json:
        print(json.dumps({"exit_code": code, "verdict": verdict, "message": message, "next": next_}))
    tell(os.environ, {"exit-code": str(code), "verdict": verdict, "message": message})
    print(f"{f'next     {next_}{chr(10)}' if next_ else ''}{verdict}: {message}", file=sys.stderr)
    return code
