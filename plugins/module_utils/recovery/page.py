"""The maintenance page at Cloudflare: the routes that lead to it, and whether it is shown."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from urllib.parse import quote

from ..cloudflare.client import Client
from ..cloudflare.errors import CloudflareError, Refused
from ..cloudflare.settle import settle
from ..concurrent import each
from ..dns.zone import zone_ids
from ..probe.connect import Connector, NoAnswer
from .routes import Route, Step

__all__ = ["NO_SCRIPT", "apply", "own_address", "read_routes", "shown", "what_it_says", "zones_of"]

# No such Worker (10007, 10090).
NO_SCRIPT = (10007, 10090)
_PAUSE = 0.3


def zones_of(client: Client, hosts: Iterable[str]) -> dict[str, str]:
    """The id of the zone that each name is in. Raises :class:`CloudflareError`."""
    ids = zone_ids(client)
    found = {}
    for host in hosts:
        zone = max((name for name in ids if f".{host}".endswith(f".{name}")), key=len, default=None)
        if zone is None:
            raise Refused(
                f"no zone of the account has {host}: correct maintenance.hosts, or give the API token the permission "
                "Zone Read"
            )
        found[host] = ids[zone]
    return found


def read_routes(client: Client, zones: Collection[str]) -> list[Route]:
    """All routes of these zones (ids). Raises :class:`CloudflareError`."""
    found = []
    for zone, listed in zip(
        zones, each(lambda zone: client.read(f"/zones/{zone}/workers/routes"), zones), strict=True
    ):
        if isinstance(listed, Exception):
            raise listed
        found += [Route(zone, item["pattern"], item.get("script"), item["id"]) for item in listed]
    return found


def apply(client: Client, step: Step) -> bool:
    """Make one route what it shall be; whether anything was written. Raises :class:`CloudflareError`."""
    here = f"/zones/{step.route.zone}/workers/routes"
    body = {"pattern": step.route.pattern, "script": step.script}

    def now() -> Route | None:
        routes = read_routes(client, [step.route.zone])
        return next((route for route in routes if route.pattern == step.route.pattern), None)

    def is_so() -> bool:
        found = now()
        return found is None if not step.keep else found is not None and found.script == step.script

    def write() -> None:
        found = now()
        if not step.keep:
            if found is not None:
                client.call("DELETE", f"{here}/{found.id}")
        elif found is None:
            client.write(here, body)
        else:
            client.call("PUT", f"{here}/{found.id}", body)

    return settle(is_so, write, f"the route {step.route.pattern}")


def own_address(client: Client, worker: str) -> str:
    """Where the Worker answers without any route: its workers.dev address. Raises :class:`CloudflareError`."""
    script = quote(worker, safe="")
    on, account = each(client.read, (f"workers/scripts/{script}/subdomain", "workers/subdomain"))
    if isinstance(on, CloudflareError) and on.code in NO_SCRIPT:
        raise Refused(
            f"the account has no Worker {worker}: deploy it, or correct maintenance.worker", code=on.code
        )
    for answer in (on, account):
        if isinstance(answer, Exception):
            raise answer
    if not isinstance(on, Mapping) or not on.get("enabled") or not isinstance(account, Mapping):
        raise Refused(f"{worker} has no workers.dev address (workers_dev = true), so it cannot be tried")
    return f"https://{worker}.{account['subdomain']}.workers.dev/"


def what_it_says(connector: Connector, url: str) -> str:
    """Why the answer is no maintenance page: it is 503, and says when to come back. Empty when it is one."""
    try:
        answer = connector.get(url)
    except NoAnswer as error:
        return str(error)
    if answer.status != 503:
        return f"status {answer.status}, not 503"
    return "" if answer.headers.get("retry-after") else "503, but without Retry-After"


def shown(connector: Connector, host: str, seconds: float) -> str:
    """Ask a name until it shows the page, at most for so long; what is wrong, empty when it does."""
    deadline = time.monotonic() + seconds
    while True:
        wrong = what_it_says(connector, f"https://{host}/")
        if not wrong or time.monotonic() + _PAUSE > deadline:
            return wrong
        time.sleep(_PAUSE)
