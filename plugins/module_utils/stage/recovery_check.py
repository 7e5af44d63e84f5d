"""Check what a recovery needs before it is needed: DNS says what is declared, and the maintenance page is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..concurrent import each
from ..dns.check import Name, check
from ..outcome import INVALID
from ..recovery.page import own_address, what_it_says
from ..verdict.files import write_for
from ..verdict.whole import ended
from .options import CLOUDFLARE, MAINTENANCE, NAMES, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **NAMES,
    **MAINTENANCE,
    **PROBING,
    "so_far": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """All at once."""
    params, environment = task.params, task.params["environment_name"]
    page = params["maintenance"]
    todo: list[Callable[[], dict[str, Any]]] = [partial(_name, item) for item in params["names"]]
    if page.get("worker") or page.get("url"):
        todo.append(partial(_page, task, page))
    with task.journal.stage("recovery", environment=environment):
        checks = []
        for found in each(lambda one: one(), todo):
            if isinstance(found, Exception):
                raise found
            task.journal.write("check", **found)
            checks.append(found)
    claims = ["DNS is as declared"] if params["names"] else []
    claims += ["the maintenance page is ready"] if len(todo) > len(params["names"]) else []
    end = ended(environment, checks, so_far=params["so_far"], claim=" and ".join(claims))
    if end["exit_code"] == INVALID:
        # A rollback would not help: it changes neither of the two.
        end["next"] = "put right what is said above (docs/recovery.md), then validate again"
    return {"checks": checks, "files": write_for(task.journal), "outcome": end}


def _name(item: Mapping[str, Any]) -> dict[str, Any]:
    found = check(Name(item["zone"], item["name"], item["authority"], item["resolvers"]), item["records"])
    return {
        "component": item["component"],
        "check": "dns",
        "verdict": found.verdict.verdict,
        "detail": f"{item['name']}: {found.verdict.detail}",
        "servers": {
            said.server: said.problem or f"{said.kind} {', '.join(sorted(said.values))} (TTL {said.ttl})"
            for said in found.said
        },
    }


def _page(task: Task, page: Mapping[str, Any]) -> dict[str, Any]:
    told = {"component": task.params["environment_name"], "check": "maintenance"}
    try:
        url = page["url"] or own_address(task.client, page["worker"])
    except CloudflareError as error:
        return {**told, "verdict": "fail", "detail": str(error)}
    wrong = what_it_says(task.connector, url)
    detail = f"{url}: {wrong or '503, and says when to come back'}"
    return {**told, "verdict": "fail" if wrong else "pass", "detail": detail}
