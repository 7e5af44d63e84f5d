"""Put back what no version holds: the routes and crons that the ledger recorded with the release."""

from __future__ import annotations

from typing import Any

from ..cloudflare.errors import CloudflareError
from ..cloudflare.settings import Settings, put_back
from ..concurrent import each
from ..ledger.errors import LedgerError
from .options import CLOUDFLARE, COMPONENTS, LOCKED, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **LOCKED,
    "release": {"type": "str", "required": True},
    "what": {"type": "list", "elements": "str", "choices": ["cron", "route"], "required": True},
}


def work(task: Task) -> dict[str, Any]:
    """Nothing that fails here takes the release back: it is told with the verdict."""
    try:
        known = task.known
    except LedgerError as error:
        return {"notes": [f"routes and crons were not put back: {error}"], "known": False}
    recorded = known.release(task.params["release"])
    config = known.config(recorded.config) if recorded and recorded.config else None
    if config is None:
        why = f"the ledger does not know the routes and crons of {task.params['release']}"
        return {"notes": [why], "known": False}
    if task.check_mode:
        return {"notes": [], "known": True}
    todo = [task.component(item["name"]) for item in task.params["components"] if item["name"] in config]
    what = task.params["what"]

    with task.keeping_lock(), task.journal.stage("put back"):
        done = each(lambda one: put_back(task.client, one, Settings.of_dict(config[one.name]), what), todo)
    notes = []
    for component, found in zip(todo, done, strict=True):
        if isinstance(found, CloudflareError):
            notes.append(f"{component.name}: {' and '.join(what)} not put back: {found}")
        elif isinstance(found, Exception):
            raise found
        elif found:
            task.journal.write("put_back", component=component.name, what=found)
            notes.append(f"{component.name}: {' and '.join(found)} put back as recorded")
    return {
        "notes": notes,
        "known": True,
        "changed": any(isinstance(found, list) and found for found in done),
    }
