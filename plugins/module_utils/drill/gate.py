"""Asks of an environment what forbids its drill. What could lead to production is refused before anything is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import parse_dsn

from .guard import Drilled, address_of, problems_before, problems_seen
from .production import Unreadable, production_of
from .seen import CannotLook, look
from .settings import problems_in

__all__ = ["drilled_of", "problems"]

_CONNECT_TIMEOUT = 5


def problems(params: Mapping[str, Any]) -> list[str]:
    """Why the environment is not drilled, in sentences; empty when nothing forbids it. ``params`` as of the stages."""
    file = f"{Path(params['inventory_dir']).name}/group_vars/all.yml"
    drilled = drilled_of(params, file)
    try:
        production = production_of(Path(params["inventories"]), Path(params["inventory_dir"]))
    except Unreadable as error:
        return [str(error)]
    found = problems_before(drilled, production)
    # An environment that is not to be drilled does not need to hear how it would be declared.
    found += problems_in(params["drills"], file) if drilled.allowed is True else []
    if params["left_out"]:
        found.append(
            f"a drill is of the whole set, without --limit; not in this run: {', '.join(params['left_out'])}"
        )
    if found:
        return found
    cloudflare = params["cloudflare"]
    try:
        found = problems_seen(
            drilled,
            production,
            look(cloudflare["api_url"], cloudflare["api_token"], cloudflare["account_id"]),
        )
    except CannotLook as error:
        found = [f"what the credential can see is not known, so it may be production: {error}"]
    return found or list(_other_servers(params["databases"], file))


def drilled_of(params: Mapping[str, Any], file: str) -> Drilled:
    """The environment with every address that its drill would connect to."""
    declared = params["drills"] if isinstance(params["drills"], Mapping) else {}
    return Drilled(
        name=str(params["environment_name"]),
        file=file,
        kind=str(params["environment_class"] or ""),
        allowed=declared.get("allowed"),
        account=str(params["cloudflare"]["account_id"]),
        addresses=tuple(_addresses(params, declared)),
        targets=(
            *(str(item["target"]) for item in params["components"]),
            *(str(item["database"]) for item in params["databases"] if item["kind"] == "d1"),
        ),
        databases={
            item["name"]: str(item["identity"].get("system_identifier", ""))
            for item in params["databases"]
            if item["kind"] == "postgres"
        },
        allow=declared.get("identities") or {},
    )


def _addresses(params: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "cloudflare_api_url", str(params["cloudflare"]["api_url"] or "")
    connect_to = str(params["probing"]["connect_to"] or "")
    if connect_to:
        yield "edge_connect_to", connect_to
    else:
        yield from _urls(params["components"], "")
        yield from _urls(params["third_parties"], "third_parties: ")
        sentinel = declared.get("sentinel")
        if isinstance(sentinel, Mapping):
            yield "drills.sentinel", str(sentinel.get("url", ""))
    if declared.get("faults"):
        yield "drills.faults", str(declared["faults"])
    for item in params["databases"]:
        if item["kind"] == "postgres":
            yield from ((item["name"], address) for address in _servers(item["dsn"]))


def _urls(items: Iterable[Mapping[str, Any]], prefix: str) -> Iterator[tuple[str, str]]:
    for item in items:
        health = item.get("health") or {}
        if "not_applicable" not in health:
            yield f"{prefix}{item['name']}", address_of(str(health.get("url", "")))


def _servers(dsn: str) -> list[str]:
    """All servers that a connection string can lead to; an empty one where it does not say."""
    try:
        parts = parse_dsn(dsn)
    except psycopg2.ProgrammingError:
        return [""]
    if "service" in parts:
        return [""]
    hosts = [*str(parts.get("host", "")).split(","), *filter(None, str(parts.get("hostaddr", "")).split(","))]
    ports = str(parts.get("port", "5432")).split(",")
    return [f"{host}:{port}" if host else "" for host in hosts for port in ports]


def _other_servers(databases: Iterable[Mapping[str, Any]], file: str) -> Iterator[str]:
    for item in databases:
        if item["kind"] != "postgres":
            continue
        declared = str(item["identity"].get("system_identifier", ""))
        try:
            connection = psycopg2.connect(item["dsn"], connect_timeout=_CONNECT_TIMEOUT)
            with connection.cursor() as cursor:
                cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
                (found,) = cursor.fetchone() or ("",)
            connection.close()
        except psycopg2.Error as error:
            yield f"{file}: {item['name']} cannot be asked who it is: {str(error).splitlines()[0]}"
            continue
        if found != declared:
            yield f"{file}: {item['name']} is another server ({found}) than postgres_identity declares ({declared})"
