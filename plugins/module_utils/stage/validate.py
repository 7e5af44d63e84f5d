"""Ask every component for its health, and hold the answers against the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..concurrent import each
from ..outcome import DONE, INVALID, outcome
from ..probe.check import Checked, check
from ..probe.contract import Contract
from ..release.text import columns
from ..verdict.files import write_for
from .options import COMPONENTS, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **COMPONENTS,
    **PROBING,
    "identities": {"type": "dict", "required": True},
    "release": {"type": "str", "default": ""},
    "came_before": {"type": "str", "choices": ["nothing", "switch", "no_change"], "default": "nothing"},
    "left_out": {"type": "list", "elements": "str", "default": []},
    "budget": {"type": "float", "default": 120},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "notes": {"type": "list", "elements": "str", "default": []},
}


def work(task: Task) -> dict[str, Any]:
    """Check all, and say how the run ends."""
    params = task.params
    connector, limits, known = task.connector, task.limits, params["identities"]
    declared = task.contracts
    contracts = {name: contract for name, contract in declared.items() if contract is not None}

    def one(item: tuple[str, Contract]) -> Checked:
        name, contract = item
        return check(connector, name, contract, limits, identity=known.get(name), journal=task.journal)

    with task.journal.stage("validate"):
        checked: list[Checked] = []
        for result in each(one, contracts.items()):
            if isinstance(result, Exception):
                raise result
            checked.append(result)
    skipped = {
        item["name"]: item["health"]["not_applicable"]
        for item in params["components"]
        if "not_applicable" in item["health"]
    }
    return {
        "checked": [item.as_dict() for item in checked],
        "files": write_for(task.journal),
        "outcome": _end(params, checked, skipped, task.journal.elapsed),
    }


def _end(
    params: Mapping[str, Any], checked: list[Checked], skipped: dict[str, str], elapsed: float
) -> dict[str, Any]:
    environment, release = params["environment_name"], params["release"]
    rows = [("component", "verdict", "version", "answer", "")]
    for item in checked:
        took = f"{item.seconds * 1000:.0f} ms" if item.seconds is not None else "-"
        retried = [f"{item.attempts} attempts"] if item.attempts > 1 else []
        rows.append(
            (item.component, item.verdict, item.version or "-", took, "; ".join([*item.problems, *retried]))
        )
    rows += [(name, "not applicable", "-", "-", str(reason)) for name, reason in skipped.items()]
    for item in params["databases"]:
        level = item["level"] or "-"
        rows.append((item["name"], item["verdict"], level, "-", "; ".join(item["problems"])))
    details = columns(rows)
    details += params["notes"]
    if params["left_out"]:
        details.append(f"not in this run: {', '.join(params['left_out'])}")
    failed = [item.component for item in checked if item.verdict != "pass"]
    failed += [item["name"] for item in params["databases"] if item["verdict"] != "pass"]
    if failed:
        message = (
            f"{environment}: {', '.join(failed)} {'does' if len(failed) == 1 else 'do'} not keep the contract"
        )
        after = f"ansible-playbook rollback.yml -i {environment}"
        if params["came_before"] != "nothing":
            message = f"the set is at {release}, but {message}"
            after = f"ansible-playbook rollback.yml -i {environment} -e release=<an older one>"
        return outcome(INVALID, message, next_=after, details=details)
    what = f"{environment} serves {release}" if release else f"{environment} works"
    if params["came_before"] == "no_change":
        what = f"nothing to do: {what} already"
    part = (
        "" if not params["left_out"] else f" (without {', '.join(params['left_out'])}: the set is incomplete)"
    )
    count = len(params["databases"])
    databases = f" and {count} database{'' if count == 1 else 's'}" if count else ""
    proof = f"{len(checked)} of {len(checked) + len(skipped)} components{databases} checked"
    after = f"ansible-playbook status.yml -i {environment}"
    took = f"{elapsed:.1f} s"
    if elapsed > params["budget"]:
        took += f", more than the {params['budget']:g} s that are allowed"
    return outcome(DONE, f"{what}{part}; {proof}, {took}", next_=after, details=details)
