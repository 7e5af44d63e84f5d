"""Write into the ledger what is live, and whether it was found to work: the evidence that a rollback needs later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..cloudflare.settings import fingerprint, read_all
from ..concurrent import each
from ..journal import last_outcome, read
from ..outcome import DONE, INVALID, REFUSED, outcome
from ..release.live import live_release
from ..verdict.posture import headers_seen
from .options import CLOUDFLARE, COMPONENTS, DATABASES, GROUPING, LEDGER, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    **LEDGER,
    "databases": {**DATABASES["databases"], "required": False, "default": []},
    "release": {"type": "str", "default": ""},
    "identities": {"type": "dict", "required": True},
    "tier": {"type": "str", "default": "quick"},
    "left_out": {"type": "list", "elements": "str", "default": []},
}


def work(task: Task) -> dict[str, Any]:
    """Record the set that was validated in this run, if it still serves."""
    params = task.params
    environment = params["environment_name"]
    again = f"ansible-playbook record.yml -i {environment}"
    ended = last_outcome(task.journal.path)
    code = ended["exit_code"] if ended else None
    if code not in (DONE, INVALID):
        # What stopped the validation has said so itself.
        return {}
    with task.journal.stage("record", environment=environment):
        states = task.states()
        releases = task.releases(states)
        versions = {name: state.live.sole if state.live else None for name, state in states.items()}
        validated = {name: known["version_id"] for name, known in params["identities"].items()}
        unclear = [name for name, version in versions.items() if version is None]
        moved = [name for name, version in validated.items() if versions.get(name) != version]
        if unclear or moved or params["left_out"]:
            return {"outcome": _refusal(unclear, moved, params["left_out"], again)}
        live, misfits = live_release(states, releases)
        name = params["release"] or (live.name if live and not misfits else "")
        if not name:
            return {
                "outcome": outcome(
                    REFUSED,
                    f"nothing was recorded: {', '.join(misfits)} does not belong to one release with the others",
                    next_=f"{again} -e release=<name>, if this is a release",
                )
            }
        settings = read_all(task.client, {states[each].component: str(id_) for each, id_ in versions.items()})
        databases = _databases(task)
        known = task.ledger.view()
        # The routes that the maintenance page has are not how the release is.
        mark = None if known.maintenance else fingerprint(settings)
        verdict = "pass" if code == DONE else "fail"
        new: list[tuple[str, Mapping[str, Any]]] = []
        if mark is not None and known.config(mark) is None:
            told = {component: found.as_dict() for component, found in settings.items()}
            new.append(("config", {"fingerprint": mark, "settings": told}))
        new.append(
            ("release", {"release": name, "versions": versions, "databases": databases, "config": mark})
        )
        new.append(
            (
                "evidence",
                {
                    "release": name,
                    "verdict": verdict,
                    "tier": params["tier"],
                    "run": task.journal.run,
                    "headers": headers_seen(read(task.journal.path), versions),
                },
            )
        )
        written = [] if task.check_mode else task.ledger.append(*new)
        task.journal.write("recorded", release=name, verdict=verdict, entries=len(written))
    if verdict == "fail":
        return {"recorded": name, "changed": bool(written)}
    would = "would be recorded" if task.check_mode else "is recorded"
    return {
        "recorded": name,
        "changed": bool(written),
        "outcome": outcome(
            DONE,
            f"{name} {would} as known to be good: {len(versions)} components, {len(databases)} databases",
            next_=f"ansible-playbook ledger.yml -i {environment}",
        ),
    }


def _refusal(unclear: list[str], moved: list[str], left_out: list[str], again: str) -> dict[str, Any]:
    if left_out:
        why = f"a release is the whole set, and {', '.join(left_out)} is not in this run"
    elif unclear:
        why = f"{', '.join(unclear)} does not serve one version"
    else:
        why = f"{', '.join(moved)} was deployed while it was validated"
    return outcome(REFUSED, f"nothing was recorded: {why}", next_=again)


def _databases(task: Task) -> dict[str, dict[str, Any]]:
    def one(declared: Mapping[str, Any]) -> dict[str, Any]:
        with task.database(declared) as database:
            status = database.driver.status()
            return {"level": status.applied[-1] if status.applied else "", "bookmark": database.bookmark()}

    found = {}
    for declared, told in zip(task.params["databases"], each(one, task.params["databases"]), strict=True):
        if isinstance(told, Exception):
            raise told
        found[declared["name"]] = told
    return found
