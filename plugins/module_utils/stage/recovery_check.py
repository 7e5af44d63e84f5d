"""Check what a recovery needs before it is needed: DNS says what is declared, and the maintenance page is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..concurrent import each
from ..dns.check import Name, check
from ..dns.records import changes, kinds_of
from ..dns.zone import read_records, zone_id
from ..outcome import INVALID
from ..recovery.hidden import since
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
    "shown": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """All at once."""
    params, environment = task.params, task.params["environment_name"]
    page = params["maintenance"]
    todo: list[Callable[[], dict[str, Any]]] = [partial(_name, task, item) for item in params["names"]]
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
    elif params["shown"].get("records"):
        end["next"] = f"ansible-playbook recovery.yml -i {environment} -e step=maintenance -e state=off"
    return {"checks": checks, "files": write_for(task.journal), "outcome": end}


def _name(task: Task, item: Mapping[str, Any]) -> dict[str, Any]:
    if _leads_to_the_page(task, item):
        detail = f"{item['name']} leads to the maintenance page, {since(task.params['shown'])}"
        return {"component": item["component"], "check": "dns", "verdict": "inconclusive", "detail": detail}
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


def _leads_to_the_page(task: Task, item: Mapping[str, Any]) -> bool:
    """By its records: to a resolver everything that is proxied looks alike."""
    page = task.params["shown"].get("records", {}).get(item["name"])
    if not page:
        return False
    try:
        zone = zone_id(task.client, item["zone"])
        return not changes(item["name"], read_records(task.client, zone, item["name"], kinds_of(page)), page)
    except CloudflareError:
        # Then it is judged by what DNS says.
        return False


def _page(task: Task, page: Mapping[str, Any]) -> dict[str, Any]:
    told = {"component": task.params["environment_name"], "check": "maintenance"}
    try:
        url = page["url"] or own_address(task.client, page["worker"])
    except CloudflareError as error:
        return {**told, "verdict": "fail", "detail": str(error)}
    wrong = what_it_says(task.connector, url)
    detail = f"{url}: {wrong or '503, and says when to come back'}"
    return {**told, "verdict": "fail" if wrong else "pass", "detail": detail}
