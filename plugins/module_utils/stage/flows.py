"""Try what users do: whole flows, all at once, cleaned up after, and compared with what was made before a rollback."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..concurrent import each
from ..flow.ask import Way
from ..flow.declared import Flow
from ..flow.left import Left, LeftThings
from ..flow.run import INCONCLUSIVE, NOT_APPLICABLE, PASS, Finding, Trier
from ..journal import read
from ..verdict.files import write_for
from ..verdict.whole import ended
from .options import PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **PROBING,
    "account_id": {"type": "str", "default": ""},
    "flows": {"type": "dict", "required": True},
    "values": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "part": {"type": "str", "choices": ["before", "after"], "default": "after"},
    "release": {"type": "str", "default": ""},
    "came_before": {"type": "str", "choices": ["nothing", "switch"], "default": "nothing"},
    "why_not": {"type": "dict", "default": {}},
    "keep": {"type": "bool", "default": True},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "so_far": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """One of the two parts. Neither does anything in check mode: flows write."""
    if task.check_mode:
        return {}
    for secret in task.params["secrets"].values():
        task.redactor.learn(str(secret))
    flows = [Flow.of(name, declared) for name, declared in task.params["flows"].items()]
    params = task.params
    things = LeftThings(Path(params["runs_dir"]), params["environment_name"], params["account_id"])
    return _before(task, flows, things) if task.params["part"] == "before" else _after(task, flows, things)


def _before(task: Task, flows: list[Flow], things: LeftThings) -> dict[str, Any]:
    """Make what is used after the change. Nothing that goes wrong here is more than a remark later."""
    todo = [flow for flow in flows if flow.before]
    with task.journal.stage("flows.before"):
        try:
            with things.used():
                trier = _trier(task, things)
                found = _each(lambda flow: trier.before(flow)[1], todo)
        except OSError as error:
            found = [f"{things.folder} cannot be written: {error.strerror}"] * len(todo)
    return {"why_not": {flow.name: why for flow, why in zip(todo, found, strict=True)}}


def _after(task: Task, flows: list[Flow], things: LeftThings) -> dict[str, Any]:
    with task.journal.stage("flows"):
        try:
            with things.used() as abandoned:
                findings = _tried(task, flows, things, abandoned)
        except OSError as error:
            why = f"{things.folder} cannot be written, so nothing could be cleaned up: {error.strerror}"
            findings = [
                Finding(flow.name, flow.component, INCONCLUSIVE, why, unfinished=True) for flow in flows
            ]
        checks = [_check(task, finding) for finding in findings]
        write_for(task.journal)
    return {"checks": checks, "outcome": _end(task.params, checks, task.journal.elapsed)}


def _tried(task: Task, flows: list[Flow], things: LeftThings, abandoned: list[Left]) -> list[Finding]:
    trier, params = _trier(task, things), task.params

    def one(flow: Flow) -> Finding:
        if flow.not_applicable:
            return Finding(flow.name, flow.component, NOT_APPLICABLE, flow.not_applicable)
        if not flow.before:
            return trier.tried(flow)
        changed = params["came_before"] == "switch"
        why_not = params["why_not"].get(flow.name, f"{flow.component} was not well before it")
        finding = trier.tried_across(flow, why_not if changed else None)
        return finding if params["keep"] else trier.not_kept(flow, finding)

    def clean(left: Left) -> Finding | None:
        problems = trier.cleaned(left)
        why = f"what run {left.run} left is {'; '.join(problems)}"
        return Finding(f"{left.flow} of before", left.component, INCONCLUSIVE, why) if problems else None

    todo: list[Callable[[], Finding | None]] = [
        *((lambda flow=flow: one(flow)) for flow in flows),
        *((lambda left=left: clean(left)) for left in abandoned),
    ]
    return [finding for finding in _each(lambda job: job(), todo) if finding is not None]


def _each(work: Callable[[Any], Any], todo: list[Any]) -> list[Any]:
    found = each(work, todo)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return found


def _trier(task: Task, things: LeftThings) -> Trier:
    params = task.params
    probing = params["probing"]
    return Trier(
        things,
        Way(probing["connect_to"], probing["ca_file"], probing["timeout"]),
        task.journal.run,
        _since(task),
        params["values"],
        params["secrets"],
        time.monotonic() + probing["seconds"],
        task.redactor.learn,
        {
            item["name"]: item["earlier"]["moment"]
            for item in params["databases"]
            if item.get("earlier") and item["earlier"].get("moment")
        },
    )


def _since(task: Task) -> str:
    """From when on the environment is as it is: since the switch of this run, or since the run began."""
    began = datetime.now(UTC) - timedelta(seconds=task.journal.elapsed)
    since = began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    try:
        for event in read(task.journal.path):
            if event["event"] == "stage.end" and event["stage"] == "switch":
                since = event["time"]
    except (OSError, ValueError, KeyError):
        # Without a journal the whole run counts.
        pass
    return since


def _check(task: Task, finding: Finding) -> dict[str, Any]:
    check: dict[str, Any] = {
        "component": finding.component,
        "check": f"flow {finding.flow}",
        "verdict": finding.verdict,
        "detail": finding.detail,
    }
    if _is_remark(finding):
        check["remark"] = True
    if finding.steps:
        check |= {"attempts": finding.attempts, "seconds": finding.seconds, "steps": dict(finding.steps)}
    task.journal.write("check", **check)
    return check


def _is_remark(finding: Finding) -> bool:
    return finding.verdict == INCONCLUSIVE and not finding.unfinished


def _end(params: Mapping[str, Any], checks: list[dict[str, Any]], elapsed: float) -> Any:
    """What could not be known about the time before the change is a remark; what was not finished is not proved."""
    environment = params["environment_name"]
    remarks = [check for check in checks if check.get("remark")]
    works = sum(check["verdict"] == PASS for check in checks)
    return ended(
        environment,
        [check for check in checks if check not in remarks],
        so_far=params["so_far"],
        claim="the flows of its users work",
        passed=f"{works} {'flow works' if works == 1 else 'flows work'}, {elapsed:.1f} s in all",
        rolled_back_to=params["release"] if params["came_before"] == "switch" else "",
        again=f"ansible-playbook validate.yml -i {environment} --tags flows",
        details=[f"{check['check']} ({check['component']}): {check['detail']}" for check in remarks],
    )
