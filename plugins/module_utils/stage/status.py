"""What is live, since when, by whom, and which release it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ..concurrent import alongside, each
from ..outcome import DONE, outcome
from ..recovery.hidden import since, told
from ..release.model import State
from ..release.status import identities, status_rows, status_table
from ..release.text import columns
from .options import CLOUDFLARE, COMPONENTS, DATABASES, GROUPING, LOCKED, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    **LOCKED,
    "databases": {**DATABASES["databases"], "required": False, "default": []},
}


def work(task: Task) -> dict[str, Any]:
    """Read and describe."""
    environment = task.params["environment_name"]
    with task.journal.stage("status", environment=environment):
        states, databases = _read(task)
        releases = task.releases(states)
        here = {item["name"] for item in task.params["components"]}
        states = {name: state for name, state in states.items() if name in here}
        release, rows = status_rows(states, releases)
    schemas = [
        {"name": declared["name"], "level": None, "problem": str(found)}
        if isinstance(found, Exception)
        else found
        for declared, found in zip(task.params["databases"], databases, strict=True)
    ]
    task.journal.write("status", release=release, components=rows, databases=schemas)
    misfits = [row["component"] for row in rows if row["problem"]]
    misfits += [row["name"] for row in schemas if row["problem"]]
    serves = f"{environment} serves {release}" if release else f"{environment} serves no release"
    serves += f", except {', '.join(misfits)}" if misfits else ""
    next_ = f"ansible-playbook validate.yml -i {environment} --tags quick"
    known = _known(task, release, rows)
    if page := known["maintenance"]:
        serves += f"; the maintenance page is on {', '.join(page['hosts'])}, {since(page)}"
        next_ = (
            "when the application works again: "
            f"ansible-playbook recovery.yml -i {environment} -e step=maintenance -e state=off"
        )
    return {
        "release": release,
        "whole": not misfits,
        "components": rows,
        "databases": schemas,
        "identities": identities(states, releases),
        **known,
        "outcome": outcome(
            DONE,
            serves,
            next_=next_,
            details=status_table(rows, datetime.now(UTC)) + _schema_table(schemas),
        ),
    }


def _read(task: Task) -> tuple[dict[str, State], list[dict[str, Any] | Exception]]:
    """Cloudflare and every database at once. Raises :class:`Unreadable` for Cloudflare."""
    databases: list[dict[str, Any] | Exception] = []

    def read_databases() -> None:
        databases.extend(each(lambda declared: _schema(task, declared), task.params["databases"]))

    with alongside(read_databases, lambda: None):
        states = task.states()
    return states, databases


def _known(task: Task, release: str | None, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What the ledger says of what serves, for the validation."""
    if not task.params["ledger"]:
        return {"maintenance": {}, "recorded_headers": {}}
    headers: dict[str, list[str]] = {}
    if release and not any(row["problem"] for row in rows):
        serving = {row["component"]: row["serving"][0]["version"] for row in rows if row["serving"]}
        headers = task.known.headers(release, serving)
    return {"maintenance": told(task.known.maintenance), "recorded_headers": headers}


def _schema(task: Task, declared: Mapping[str, Any]) -> dict[str, Any]:
    with task.database(declared) as database:
        status = database.driver.status()
    level = status.applied[-1] if status.applied else "nothing applied"
    return {"name": declared["name"], "level": level, "problem": "; ".join(status.problems) or None}


def _schema_table(schemas: list[dict[str, Any]]) -> list[str]:
    if not schemas:
        return []
    rows = [("database", "newest migration", "")]
    return columns(rows + [(row["name"], row["level"] or "-", row["problem"] or "") for row in schemas])
