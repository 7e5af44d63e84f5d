"""Look into the ledger of an environment, and say in it what only a person can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..ledger.view import Recorded, View
from ..outcome import DONE, REFUSED, outcome
from ..release.text import age, columns
from .options import CLOUDFLARE, COMPONENTS, GROUPING, LEDGER, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    **LEDGER,
    "show": {"type": "str", "default": ""},
    "condemn": {"type": "str", "default": ""},
    "clear": {"type": "str", "default": ""},
    "verify": {"type": "str", "default": ""},
    "import_history": {"type": "bool", "default": False},
    "reason": {"type": "str", "default": ""},
    "incident": {"type": "str", "default": ""},
}


class _Wrong(Exception):
    """What was asked cannot be done; the message says why."""


def work(task: Task) -> dict[str, Any]:
    """Do the one thing that was asked; without any, list the releases."""
    asked = [name for name in _ACTIONS if task.params[name]]
    environment = task.params["environment_name"]
    ledger = f"ansible-playbook ledger.yml -i {environment}"
    try:
        if len(asked) > 1:
            raise _Wrong(f"{' and '.join(asked)} cannot be asked for at once")
        before = len(task.ledger.entries())
        message, details = (_ACTIONS[asked[0]] if asked else _listing)(task)
    except _Wrong as error:
        return {"outcome": outcome(REFUSED, f"nothing was changed: {error}", next_=ledger)}
    changed = not task.check_mode and len(task.ledger.entries()) != before
    next_ = ledger if asked else f"{ledger} -e show=<release>"
    return {"changed": changed, "outcome": outcome(DONE, message, next_=next_, details=details)}


def _listing(task: Task) -> tuple[str, list[str]]:
    known, now = task.known, datetime.now(UTC)
    if not known.releases:
        ask = "record.yml writes a release into it, and -e import_history=true what Cloudflare still knows"
        return f"the ledger of {task.params['environment_name']} is empty: {ask}", []
    rows = [("release", "recorded", "evidence", "served", "components", "")]
    for release in known.releases:
        served = "until now" if release.served is None else age(now - release.served, now)
        condemned = known.condemned_release(release.name)
        rows.append(
            (
                release.name,
                f"{age(release.recorded, now)} ago",
                _evidence(release, now),
                served,
                str(len(release.versions)),
                f"condemned: {condemned.reason}" if condemned else "",
            )
        )
    lines = columns(rows)
    if known.frozen is not None:
        lines.append(
            f"frozen since {age(known.frozen.time, now)}: {known.frozen.reason} (ansible-playbook unfreeze.yml)"
        )
    good = next((each for each in known.releases if _is_good(known, each)), None)
    newest = f"the newest with evidence is {good.name}" if good else "none has evidence"
    return f"{len(known.releases)} releases, {newest}", lines


def _is_good(known: View, release: Recorded) -> bool:
    evidence = release.evidence
    return bool(evidence and evidence.verdict == "pass" and not known.condemned_release(release.name))


def _evidence(release: Recorded, now: datetime) -> str:
    evidence = release.evidence
    if evidence is None:
        return "none (imported)" if release.imported else "none"
    return f"{evidence.verdict} ({evidence.tier}), {age(evidence.time, now)} ago, by {evidence.by}"


def _show(task: Task) -> tuple[str, list[str]]:
    release = _recorded(task, task.params["show"])
    config = task.known.config(release.config) if release.config else None
    lines = columns(
        [("component", "version", "routes and domains", "crons", "secrets")]
        + [
            (name, version, *_settings((config or {}).get(name, {})))
            for name, version in sorted(release.versions.items())
        ]
    )
    for name, told in sorted(release.databases.items()):
        lines.append(f"{name}: schema {told.get('level') or 'empty'}, bookmark {told.get('bookmark') or '-'}")
    now = datetime.now(UTC)
    return (
        f"{release.name}, recorded {age(release.recorded, now)} ago, evidence: {_evidence(release, now)}",
        lines,
    )


def _settings(settings: Mapping[str, Any]) -> tuple[str, str, str]:
    reached = [*settings.get("routes", []), *settings.get("domains", [])]
    return (
        " ".join(reached) or "-",
        " | ".join(settings.get("crons", [])) or "-",
        " ".join(settings.get("secrets", [])) or "-",
    )


def _condemn(task: Task) -> tuple[str, list[str]]:
    what = task.params["condemn"]
    reason = _reason(task, "condemn")
    component, _, version = what.partition("@")
    body: dict[str, Any] = {
        "reason": reason,
        "incident": task.params["incident"] or None,
        "run": task.journal.run,
    }
    if version:
        if component not in {item["name"] for item in task.params["components"]}:
            raise _Wrong(f"{component} is no component of this environment")
        body |= {"release": None, "versions": {component: version}}
    else:
        # What was never recorded can be condemned as well: Cloudflare's history knows it by name.
        body |= {"release": what, "versions": {}}
    _append(task, ("condemned", body))
    return f"{what} is condemned: {reason}", []


def _clear(task: Task) -> tuple[str, list[str]]:
    what = task.params["clear"]
    reason = _reason(task, "clear")
    component, _, version = what.partition("@")
    known = task.known
    found = known.condemned_version(component, version) if version else known.condemned_release(what)
    if found is None:
        raise _Wrong(f"{what} is not condemned")
    body = {"release": None if version else what, "versions": {component: version} if version else {}}
    _append(task, ("cleared", {**body, "reason": reason}))
    return f"{what} is cleared, and can be a target again: {reason}", []


def _verify(task: Task) -> tuple[str, list[str]]:
    anchor = task.params["verify"]
    head = task.ledger.verify(None if anchor in ("true", "True") else anchor)
    if not head:
        return "the ledger is empty", []
    return f"the ledger is whole: {len(task.ledger.entries())} entries", [
        f"head {head}: note it elsewhere, and a later -e verify=<head> proves that nothing before it was changed"
    ]


def _import(task: Task) -> tuple[str, list[str]]:
    states = task.states()
    known = task.known
    new: list[tuple[str, Mapping[str, Any]]] = []
    for release in reversed(task.releases(states)):
        if (
            known.release(release.name) is not None
            or release.ambiguous
            or set(release.members) != set(states)
        ):
            continue
        versions = {name: members[0].id for name, members in release.members.items()}
        new.append(("release", {"release": release.name, "versions": versions, "imported": True}))
    if new:
        _append(task, *new)
    names = ", ".join(str(body["release"]) for _, body in new)
    return f"{len(new)} whole releases were imported, without evidence{': ' if names else ''}{names}", []


def _append(task: Task, *new: tuple[str, Mapping[str, Any]]) -> None:
    if not task.check_mode:
        task.ledger.append(*new)


def _recorded(task: Task, name: str) -> Recorded:
    release = task.known.release(name)
    if release is None:
        raise _Wrong(f"the ledger has no release {name!r}")
    return release


def _reason(task: Task, action: str) -> str:
    if not task.params["reason"]:
        raise _Wrong(f"{action} needs a reason: -e reason='...'")
    return str(task.params["reason"])


_ACTIONS: dict[str, Callable[[Task], tuple[str, list[str]]]] = {
    "show": _show,
    "condemn": _condemn,
    "clear": _clear,
    "verify": _verify,
    "import_history": _import,
}
