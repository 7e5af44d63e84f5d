"""Put back what no version holds: the routes and crons that the ledger recorded with the release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..cloudflare.settings import Settings, put_back, routes_of
from ..concurrent import each
from ..ledger.errors import LedgerError
from ..recovery.hidden import since, told
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
    what, page = task.params["what"], known.maintenance
    then = {one.name: Settings.of_dict(config[one.name]) for one in todo}
    notes = []
    with task.keeping_lock(), task.journal.stage("put back"):
        if page and page.worker and "route" in what:
            try:
                shown = set(routes_of(task.client, page.worker))
            except CloudflareError as error:
                return {"notes": [f"routes and crons were not put back: {error}"], "known": True}
            for name, was in then.items():
                # Cloudflare refuses to take them from the page, and takes none of the others then.
                if hidden := [route for route in was.routes if route in shown]:
                    then[name] = replace(was, routes=tuple(r for r in was.routes if r not in shown))
                    why = f"the maintenance page is there, {since(told(page))}"
                    notes.append(f"{name}: route {', '.join(hidden)} not put back: {why}")
        done = each(lambda one: put_back(task.client, one, then[one.name], what), todo)
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
