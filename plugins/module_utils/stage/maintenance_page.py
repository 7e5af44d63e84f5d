"""Show the maintenance page instead of the application, or end that: a prepared Worker on the routes of names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..concurrent import each
from ..outcome import DONE, FAILED, PARTIAL, REFUSED, outcome
from ..recovery.page import apply, own_address, read_routes, shown, what_it_says, zones_of
from ..recovery.routes import Route, Step, as_before, takeover, unknown
from .noted import has_ledger, note
from .options import CLOUDFLARE, LOCKED, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **LOCKED,
    **PROBING,
    "state": {"type": "str", "choices": ["on", "off"], "required": True},
    "worker": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "snapshot": {"type": "str", "default": ""},
}

_FILE = "routes.json"


def work(task: Task) -> dict[str, Any]:
    """Read everything first; what cannot be read is a reason to change nothing."""
    on = task.params["state"] == "on"
    try:
        hosts = zones_of(task.client, task.params["hosts"])
        routes = read_routes(task.client, sorted(set(hosts.values())))
        return _on(task, hosts, routes) if on else _off(task, hosts, routes)
    except (CloudflareError, ValueError) as error:
        next_ = "the break-glass card has the calls to make by hand (docs/recovery.md)"
        return {"outcome": outcome(REFUSED, f"nothing was changed: {error}", next_=next_)}


def _command(task: Task, state: str, more: str = "") -> str:
    environment = task.params["environment_name"]
    return f"ansible-playbook recovery.yml -i {environment} -e step=maintenance -e state={state}{more}"


def _on(task: Task, hosts: Mapping[str, str], routes: Sequence[Route]) -> dict[str, Any]:
    worker = task.params["worker"]
    # A route to a page that is none would be worse than none.
    url = own_address(task.client, worker)
    if wrong := what_it_says(task.connector, url):
        raise ValueError(f"{worker} shows no maintenance page: {url} gives {wrong}")
    steps = takeover(routes, hosts, worker)
    before = [step.route.as_dict() for step in steps]
    if task.check_mode:
        return _only_checked(task, steps)
    back = _command(task, "off")
    notes = []
    if steps:
        path = _keep(task, before)
        body = {"on": True, "worker": worker, "routes": before}
        if trouble := _tell_ledger(task, body):
            notes.append(trouble)
            back = _command(task, "off", f" -e snapshot={path}")
    done = _apply(task, steps)
    if failed := _failed(steps, done):
        return _stopped(task, steps, done, failed, f"give the same command again, or take it back: {back}")
    with task.journal.stage("maintenance", state="on"):
        seen = each(lambda host: shown(task.connector, host, task.params["probing"]["seconds"]), hosts)
    rows = []
    for host, found in zip(hosts, seen, strict=True):
        if isinstance(found, Exception):
            raise found
        verdict, detail = ("fail", found) if found else ("pass", "shows the maintenance page")
        task.journal.write("check", component=host, check="maintenance", verdict=verdict, detail=detail)
        rows.append(f"{host}: {detail}")
    details = [*[step.in_words() for step in steps], *rows, *notes]
    bad = [host for host, wrong in zip(hosts, seen, strict=True) if wrong]
    if bad:
        message = f"the routes are right, but {', '.join(bad)} does not show the maintenance page"
        return {"changed": bool(steps), "outcome": outcome(PARTIAL, message, next_=back, details=details)}
    said = "is shown" if steps else "was shown already"
    message = f"the maintenance page {said} on {', '.join(hosts)}; the application gets no request there"
    return {"changed": bool(steps), "outcome": outcome(DONE, message, next_=back, details=details)}


def _off(task: Task, hosts: Mapping[str, str], routes: Sequence[Route]) -> dict[str, Any]:
    worker, environment = task.params["worker"], task.params["environment_name"]
    before = _before(task)
    steps, strange = as_before(routes, before, worker), unknown(routes, before, worker)
    if strange and not steps:
        patterns = ", ".join(route.pattern for route in strange)
        raise ValueError(
            f"{patterns} lead to {worker}, and the ledger does not know to whom before; give the file that "
            f"the run kept, -e snapshot=.runs/<run>/{_FILE}"
        )
    if task.check_mode:
        return _only_checked(task, steps)
    done = _apply(task, steps)
    if failed := _failed(steps, done):
        return _stopped(task, steps, done, failed, "give the same command again")
    if strange:
        lines = [
            f"{route.pattern} leads to {worker} still: it is not known to whom before" for route in strange
        ]
        message = f"{len(strange)} route(s) lead to the maintenance page still"
        return {
            "changed": bool(steps),
            "outcome": outcome(PARTIAL, message, next_="see above", details=lines),
        }
    trouble = _tell_ledger(task, {"on": False, "worker": worker, "routes": []})
    notes = [trouble] if trouble else []
    said = f"is not shown any more on {', '.join(hosts)}" if steps else "was not shown"
    details = [*[step.in_words() for step in steps], *notes]
    next_ = f"ansible-playbook validate.yml -i {environment} --tags quick"
    end = outcome(
        DONE, f"the maintenance page {said}; every route is as it was before", next_=next_, details=details
    )
    return {"changed": bool(steps), "outcome": end}


def _tell_ledger(task: Task, body: Mapping[str, Any]) -> str:
    """Write it down for whoever ends it; why that is not possible."""
    if not has_ledger(task):
        return "there is no ledger that could tell whose the routes were"
    return note(task, body)


def _before(task: Task) -> Sequence[Mapping[str, Any]]:
    if path := task.params["snapshot"]:
        try:
            told = json.loads(Path(path).read_text(encoding="utf-8"))
            return [{name: item[name] for name in ("zone", "pattern", "script", "there")} for item in told]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is no file of routes ({type(error).__name__})") from None
    shown_since = task.known.maintenance if task.params["ledger"] else None
    return shown_since.routes if shown_since else ()


def _keep(task: Task, before: Sequence[Mapping[str, Any]]) -> Path:
    path = task.journal.path.parent / _FILE
    try:
        path.write_text(json.dumps(before, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ValueError(f"the routes as they are cannot be kept in {path}: {error.strerror}") from None
    return path


def _apply(task: Task, steps: Sequence[Step]) -> list[bool | Exception]:
    with task.keeping_lock(), task.journal.stage("routes"):
        done = each(lambda step: apply(task.client, step), steps)
        for step, wrote in zip(steps, done, strict=True):
            problem = str(wrote) if isinstance(wrote, Exception) else None
            task.journal.write("route", pattern=step.route.pattern, change=step.in_words(), problem=problem)
    return done


def _failed(steps: Sequence[Step], done: Sequence[bool | Exception]) -> list[str]:
    failed = []
    for step, wrote in zip(steps, done, strict=True):
        if isinstance(wrote, CloudflareError):
            failed.append(f"{step.route.pattern}: {wrote}")
        elif isinstance(wrote, Exception):
            raise wrote
    return failed


def _stopped(
    task: Task, steps: Sequence[Step], done: Sequence[bool | Exception], failed: list[str], next_: str
) -> dict[str, Any]:
    code = FAILED if len(failed) == len(steps) else PARTIAL
    message = f"{len(failed)} of {len(steps)} routes could not be changed"
    changed = any(wrote is True for wrote in done)
    return {"changed": changed, "outcome": outcome(code, message, next_=next_, details=failed)}


def _only_checked(task: Task, steps: Sequence[Step]) -> dict[str, Any]:
    details = [step.in_words() for step in steps]
    message = f"only a check, nothing was changed: {len(steps)} route(s) would change"
    snapshot = f" -e snapshot={task.params['snapshot']}" if task.params["snapshot"] else ""
    next_ = _command(task, task.params["state"], snapshot)
    return {"changed": bool(steps), "outcome": outcome(DONE, message, next_=next_, details=details)}
