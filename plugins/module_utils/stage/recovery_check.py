"""Check what a recovery needs before it is needed: DNS says what is declared, and the maintenance page is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..concurrent import each
from ..dns.check import Name, check
from ..dns.records import changes, in_words, kinds_of
from ..dns.zone import read_records, zone_id
from ..outcome import INVALID
from ..probe.connect import Connector
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
    leads = [found["leads"] for found in checks if found.get("leads")]
    claims = ["DNS is as declared"] if params["names"] else []
    claims += ["the maintenance page is ready"] if len(todo) > len(params["names"]) else []
    end = ended(environment, checks, so_far=params["so_far"], claim=" and ".join(claims))
    if end["exit_code"] == INVALID:
        # A rollback would not help: it changes neither of the two.
        end["next"] = "put right what is said above (docs/recovery.md), then validate again"
    if leads:
        step = "maintenance" if params["shown"].get("records") else "failover"
        end["next"] = f"ansible-playbook recovery.yml -i {environment} -e step={step} -e state=off"
        end["message"] += f"; {', '.join(leads)}"
    return {"checks": checks, "files": write_for(task.journal), "outcome": end}


def _name(task: Task, item: Mapping[str, Any]) -> dict[str, Any]:
    told = {"component": item["component"], "check": "dns"}
    records = _records(task, item)
    page = task.params["shown"].get("records", {}).get(item["name"])
    if page and _are(records, item, page):
        leads = f"{item['name']} leads to the maintenance page, {since(task.params['shown'])}"
        return {**told, "verdict": "inconclusive", "detail": leads, "leads": leads}
    found = check(Name(item["zone"], item["name"], item["authority"], item["resolvers"]), item["records"])
    told |= {"verdict": found.verdict.verdict, "detail": f"{item['name']}: {found.verdict.detail}"}
    if records is not None and not _are(records, item, item["records"]):
        now = "; ".join(sorted(map(in_words, records))) or "nothing"
        told |= {
            "verdict": "fail",
            "detail": f"{told['detail']}; at Cloudflare it has {now}, not what is declared",
        }
        if _are(records, item, item["failover"]):
            told["leads"] = f"{item['name']} leads to the other place"
    servers = {
        said.server: said.problem or f"{said.kind} {', '.join(sorted(said.values))} (TTL {said.ttl})"
        for said in found.said
    }
    return {**told, "servers": servers}


def _records(task: Task, item: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Those at Cloudflare, as DNS shows everything that is proxied alike; ``None`` when they cannot be read."""
    try:
        kinds = kinds_of([*item["records"], *item["failover"]])
        return read_records(task.client, zone_id(task.client, item["zone"]), item["name"], kinds)
    except CloudflareError:
        return None


def _are(
    now: Sequence[Mapping[str, Any]] | None, item: Mapping[str, Any], wanted: Sequence[Mapping[str, Any]]
) -> bool:
    if not wanted or now is None:
        return False
    kinds = kinds_of([*item["records"], *wanted])
    return not changes(item["name"], [record for record in now if record["type"] in kinds], wanted)


def _page(task: Task, page: Mapping[str, Any]) -> dict[str, Any]:
    told = {"component": task.params["environment_name"], "check": "maintenance"}
    try:
        url = page["url"] or own_address(task.client, page["worker"])
    except CloudflareError as error:
        return {**told, "verdict": "fail", "detail": str(error)}
    # What is elsewhere is asked there, wherever the components are.
    wrong = what_it_says(Connector() if page["url"] else task.connector, url)
    detail = f"{url}: {wrong or '503, and says when to come back'}"
    return {**told, "verdict": "fail" if wrong else "pass", "detail": detail}
