"""Write the break-glass card of an environment: what to do with curl alone to get back to the known-good release."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..cloudflare.d1 import D1
from ..cloudflare.errors import CloudflareError
from ..dns.records import kinds_of
from ..dns.zone import read_records, zone_id
from ..outcome import DONE, REFUSED, outcome
from ..recovery.card import Code, Facts, Name, Page, Postgres, TimeTravel, card
from ..recovery.page import own_address, read_routes, zones_of
from ..recovery.routes import takeover
from .options import CLOUDFLARE, COMPONENTS, DATABASES, LEDGER, MAINTENANCE, NAMES, RUN
from .task import Task

if TYPE_CHECKING:
    from ..ledger.view import Recorded

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **DATABASES,
    **LEDGER,
    **NAMES,
    **MAINTENANCE,
    "contacts": {"type": "list", "elements": "dict", "default": []},
    "path": {"type": "path", "required": True},
    "after": {"type": "bool", "default": False},
}

Found = TypeVar("Found")


def work(task: Task) -> dict[str, Any]:
    """Read what the calls need, and write. ``after`` another stage it says nothing unless something is missing."""
    params, environment = task.params, task.params["environment_name"]
    good = _known_good(task)
    if good is None:
        return {
            "outcome": outcome(
                REFUSED,
                "no card was written: the ledger knows no release that is known to be good",
                next_=f"ansible-playbook record.yml -i {environment}",
            )
        }
    path, missing = Path(params["path"]), list[str]()
    with task.journal.stage("card"):
        facts = _facts(task, good, missing)
        text = card(facts)
        if not task.check_mode:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            except OSError as error:
                missing.append(f"the card was not written to {path}: {error.strerror}")
        task.journal.write("card", path=str(path), release=good.name, missing=missing)
    result: dict[str, Any] = {"card": str(path), "release": good.name, "changed": not task.check_mode}
    if missing:
        result["warnings"] = [f"break-glass card: {what}" for what in missing]
    if params["after"]:
        return result
    would = "would be written" if task.check_mode else "is written"
    message = f"the break-glass card of {environment} for {good.name} {would}: {path}"
    next_ = "print it, or put it where you can read it when nothing works"
    return {**result, "outcome": outcome(DONE, message, next_=next_, details=missing)}


def _known_good(task: Task) -> Recorded | None:
    known = task.known
    return next(
        (
            release
            for release in known.releases
            if release.evidence is not None
            and release.evidence.verdict == "pass"
            and known.condemned_release(release.name) is None
            and known.condemned_set(release.versions) is None
        ),
        None,
    )


def _facts(task: Task, good: Recorded, missing: list[str]) -> Facts:
    params = task.params
    evidence = good.evidence
    assert evidence is not None
    components = {item["name"]: item for item in params["components"]}
    missing += [f"{name} has no version in {good.name}" for name in components if name not in good.versions]

    def tried(what: str, read: Callable[[], Found]) -> Found | None:
        try:
            return read()
        except CloudflareError as error:
            missing.append(f"{what}: {error}")
            return None

    d1 = [
        tried(item["name"], lambda item=item: _time_travel(task, item, good))  # type: ignore[misc]
        for item in params["databases"]
        if item["kind"] == "d1"
    ]
    names = [tried(item["name"], lambda item=item: _name(task, item)) for item in params["names"]]  # type: ignore[misc]
    page = params["maintenance"]
    return Facts(
        environment=params["environment_name"],
        account=params["cloudflare"]["account_id"],
        api_url=task.redactor.text(params["cloudflare"]["api_url"].rstrip("/")),
        written=datetime.now(UTC),
        release=good.name,
        evidence=f"validated {evidence.time:%Y-%m-%d %H:%M} UTC by {evidence.by}, run {evidence.run}",
        code=[
            Code(name, item["kind"], item["target"], good.versions[name], _url(task, item))
            for name, item in components.items()
            if name in good.versions
        ],
        d1=[item for item in d1 if item is not None],
        postgres=[_postgres(item) for item in params["databases"] if item["kind"] == "postgres"],
        names=[item for item in names if item is not None],
        page=tried("the maintenance page", lambda: _page(task, page)) if page.get("worker") else None,
        contacts=task.redactor(params["contacts"]),
        missing=missing,
    )


def _url(task: Task, item: Mapping[str, Any]) -> str:
    """The address of the health check, which may hold a password that is not to be printed."""
    return task.redactor.text(item["health"].get("url", ""))


def _time_travel(task: Task, item: Mapping[str, Any], good: Recorded) -> TimeTravel:
    bookmark = good.databases.get(item["name"], {}).get("bookmark")
    return TimeTravel(item["name"], D1(task.client, item["database"]).uuid, bookmark)


def _name(task: Task, item: Mapping[str, Any]) -> Name:
    zone = zone_id(task.client, item["zone"])
    kinds = kinds_of([*item["records"], *item["failover"]])
    return Name(item["name"], zone, read_records(task.client, zone, item["name"], kinds), item["failover"])


def _page(task: Task, page: Mapping[str, Any]) -> Page:
    hosts = zones_of(task.client, page["hosts"])
    routes = read_routes(task.client, sorted(set(hosts.values())))
    return Page(
        page["worker"], own_address(task.client, page["worker"]), takeover(routes, hosts, page["worker"])
    )


def _postgres(item: Mapping[str, Any]) -> Postgres:
    # The drivers behind it are slow to load, and most environments have none.
    from ..database.postgres import newest_backup
    from ..postgres.connect import Server

    server = Server.of(item["dsn"], maintenance_name=item["maintenance"], is_direct=item["direct"])
    folder = (item["backups"] or {}).get("folder")
    found = newest_backup(Path(folder), server.name) if folder else None
    told = server.parameters
    return Postgres(
        item["name"], server.name, told.get("host", ""), told.get("port", "5432"), told.get("user", ""),
        item["maintenance"], str(found.dump) if found else "",
    )  # fmt: skip
