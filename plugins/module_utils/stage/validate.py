"""Ask every component for its health, from every place, and hold the answers against the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..concurrent import each
from ..outcome import DONE, INVALID, NOT_PROVED, outcome
from ..probe.check import Checked, check
from ..probe.posture import Posture
from ..probe.vantage import HERE, Vantage, judged
from ..recovery.hidden import because, hidden, since
from ..release.text import columns
from ..verdict.files import write_for
from ..verdict.posture import headers_check, tls_check
from ..verdict.whole import named, table
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
    "since": {"type": "float", "default": 0},
    "databases": {"type": "list", "elements": "dict", "default": []},
    "notes": {"type": "list", "elements": "str", "default": []},
    "before": {"type": "dict"},
    "recorded_headers": {"type": "dict", "default": {}},
    "maintenance": {"type": "dict", "default": {}},
    "vantage_points": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "name": {"type": "str", "required": True},
            "connect_to": {"type": "str", "default": ""},
            "proxy": {"type": "str", "default": "", "no_log": True},
        },
    },
}

_HIDDEN = "health behind the page"


def work(task: Task) -> dict[str, Any]:
    """Check all, and say how the run ends."""
    params = task.params
    with task.journal.stage("validate", environment=params["environment_name"]):
        checked, more = _checked(task)
        for found in more:
            task.journal.write("check", **found)
    skipped = {
        item["name"]: item["health"]["not_applicable"]
        for item in params["components"]
        if "not_applicable" in item["health"]
    }
    return {
        "checked": [item.as_dict() for item in checked],
        "files": write_for(task.journal),
        "outcome": _end(params, checked, more, skipped, task.journal.elapsed - params["since"]),
    }


def _checked(task: Task) -> tuple[list[Checked], list[dict[str, Any]]]:
    """The health of every component as seen from here, and the other checks."""
    params, limits, probing = task.params, task.limits, task.params["probing"]
    behind = hidden(task.connector, params["maintenance"], task.asked)
    contracts = {name: contract for name, contract in task.asked.items() if name not in behind}
    before = {name: Posture(**told) for name, told in (params["before"] or {}).items()}
    places = {place["name"]: Vantage(**place) for place in params["vantage_points"]}
    way = {name: probing[name] for name in ("connect_to", "ca_file", "timeout")}
    connectors = {HERE: task.connector} | {name: place.connector(**way) for name, place in places.items()}

    def one(item: tuple[str, str]) -> Checked:
        place, name = item
        return check(
            connectors[place],
            name,
            contracts[name],
            limits,
            identity=params["identities"].get(name),
            journal=task.journal if place == HERE else None,
            said_before=before[name].version if name in before else None,
        )

    todo = [(place, name) for place in connectors for name in contracts]
    found: dict[tuple[str, str], Checked] = {}
    for item, result in zip(todo, each(one, todo), strict=True):
        if isinstance(result, Exception):
            raise result
        found[item] = result
    here = [found[HERE, name] for name in contracts]
    more = [
        judged(name, place, seen, found[HERE, name]) for (place, name), seen in found.items() if place != HERE
    ]
    more += [
        {
            "component": name,
            "check": _HIDDEN,
            "verdict": "inconclusive",
            "detail": because(params["maintenance"]),
        }
        for name in behind
    ]
    for seen in here:
        name, now = seen.component, seen.posture
        if now is None:
            continue
        recorded, release = params["recorded_headers"].get(name), params["release"]
        if params["before"] is not None or recorded is not None:
            more.append(headers_check(name, before.get(name), now, recorded=recorded, release=release))
        if now.fingerprint:
            more.append(tls_check(name, before.get(name), now, margin=limits.tls_margin))
    return here, more


def _end(
    params: Mapping[str, Any],
    checked: list[Checked],
    more: list[dict[str, Any]],
    skipped: dict[str, str],
    elapsed: float,
) -> dict[str, Any]:
    environment, release, moved = params["environment_name"], params["release"], params["came_before"]
    details = columns(_rows(params, checked, skipped))
    if told := [one for one in more if not one.get("quiet")]:
        details += table(told)
    details += params["notes"]
    if params["left_out"]:
        details.append(f"not in this run: {', '.join(params['left_out'])}")
    failed = [item.component for item in checked if item.verdict != "pass"]
    failed += [item["name"] for item in params["databases"] if item["verdict"] == "fail"]
    failed += (bad := named(more, "fail"))
    behind = [one["component"] for one in more if one["check"] == _HIDDEN]
    page = f"the maintenance page answers for {', '.join(behind)}"
    at = "" if moved == "nothing" else f"the set is at {release}, but "
    if failed:
        after = f"ansible-playbook rollback.yml -i {environment}"
        do = "does" if len(failed) == 1 and "," not in "".join(bad) else "do"
        return outcome(
            INVALID,
            f"{at}{environment}: {', '.join(failed)} {do} not keep the contract{f'; {page}' if behind else ''}",
            next_=f"{after} -e release=<an older one>" if at else after,
            details=details,
        )
    open_ = named([one for one in more if one["check"] != _HIDDEN], "inconclusive")
    if behind:
        open_.append(f"{page}, {since(params['maintenance'])}")
    open_ += [item["name"] for item in params["databases"] if item["verdict"] == "inconclusive"]
    if not checked and not params["databases"]:
        open_.append("no component has a check")
    if open_:
        return outcome(
            NOT_PROVED,
            f"{at}{environment} is not proved to work: {', '.join(open_)}",
            next_=f"ansible-playbook recovery.yml -i {environment} -e step=maintenance -e state=off"
            if behind
            else f"ansible-playbook validate.yml -i {environment} --tags quick",
            details=details,
        )
    what = f"{environment} serves {release}" if release else f"{environment} works"
    if moved == "no_change":
        what = f"nothing to do: {what} already"
    part = (
        "" if not params["left_out"] else f" (without {', '.join(params['left_out'])}: the set is incomplete)"
    )
    count = len(params["databases"])
    databases = f" and {count} database{'' if count == 1 else 's'}" if count else ""
    proof = f"{len(checked)} of {len(checked) + len(skipped)} components{databases} checked"
    if params["vantage_points"]:
        proof += f" from {1 + len(params['vantage_points'])} places"
    after = f"ansible-playbook status.yml -i {environment}"
    took = f"{elapsed:.1f} s"
    if elapsed > params["budget"]:
        took += f", more than the {params['budget']:g} s that are allowed"
    return outcome(DONE, f"{what}{part}; {proof}, {took}", next_=after, details=details)


def _rows(
    params: Mapping[str, Any], checked: list[Checked], skipped: Mapping[str, str]
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("component", "verdict", "version", "answer", "")]
    for item in checked:
        took = f"{item.seconds * 1000:.0f} ms" if item.seconds is not None else "-"
        remarks = list(item.problems)
        if item.attempts > 1:
            first = "as the first" if item.earlier == item.problems else f"after: {'; '.join(item.earlier)}"
            remarks.append(f"attempt {item.attempts}, {first}")
        rows.append((item.component, item.verdict, item.version or "-", took, "; ".join(remarks)))
    rows += [(name, "not applicable", "-", "-", str(reason)) for name, reason in skipped.items()]
    for item in params["databases"]:
        level = item["level"] or "-"
        rows.append((item["name"], item["verdict"], level, "-", "; ".join(item["problems"])))
    return rows
