"""What the inventory declares for the case that a rollback does not help, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..declared import Declared
from ..dns.lookup import address_of
from ..dns.records import kinds_of, problems_of

__all__ = ["declared_recovery"]

# A host name, the last label with a letter.
_NAME = re.compile(r"(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_BY = ("worker", "records")
_SETTINGS = {"worker", "hosts", "records", "url"}


def declared_recovery(
    hostvars: Mapping[str, Any], hosts: Iterable[str], groups: Mapping[str, list[str]], maintenance: Any
) -> dict[str, Any]:
    """``names`` and ``maintenance`` as the modules take them, ``problems`` as sentences with file and variable.

    ``maintenance.names`` are names whose failover is the page.
    ``hosts`` are in this run, ``groups`` all of the inventory.
    """
    here = list(hosts)
    dns = [host for host in here if host in groups.get("dns", ())]
    read = [_name(Declared(host, hostvars[host])) for host in dns]
    problems = [problem for declared, _ in read for problem in declared.problems]
    told = _no_page()
    if maintenance:
        file = (
            Path(str(hostvars[here[0]].get("inventory_dir") or "the inventory")).name + "/group_vars/all.yml"
        )
        told, wrong = _maintenance(maintenance, groups.get("dns", []))
        problems += [f"{file}: maintenance{text}" for text in wrong]
        told["names"] = [
            {**name, "failover": told["records"][name["component"]]}
            for _, name in read
            if name["component"] in told["records"]
        ]
    return {"names": [name for _, name in read], "maintenance": told, "problems": problems}


def _name(declared: Declared) -> tuple[Declared, dict[str, Any]]:
    zone = str(declared.required("dns_zone", ": the name of the zone") or "").lower().rstrip(".")
    name = str(declared.value("dns_name") or zone).lower().rstrip(".")
    records = declared.required("dns_records", ": what the name has on a normal day") or []
    failover = declared.value("dns_failover") or []
    for variable, value in (("dns_zone", zone), ("dns_name", name)):
        if value and not _NAME.fullmatch(value):
            declared.wrong(f"{variable}: {value} is no host name")
    if zone and name != zone and not name.endswith(f".{zone}"):
        declared.wrong(f"dns_name: {name} is not in the zone {zone}")
    for variable, given in (("dns_records", records), ("dns_failover", failover)):
        wrong = problems_of(given) if given else []
        for text in wrong:
            declared.wrong(f"{variable}: {text}")
    servers = {}
    for variable in ("dns_authoritative", "dns_resolvers"):
        servers[variable] = _addresses(declared, variable)
    return declared, {
        "component": declared.host,
        "zone": zone,
        "name": name,
        "records": records,
        "failover": failover,
        "authority": servers["dns_authoritative"],
        "resolvers": servers["dns_resolvers"],
    }


def _addresses(declared: Declared, variable: str) -> list[str]:
    told = declared.value(variable) or []
    if not isinstance(told, list):
        declared.wrong(f"{variable} must be a list of addresses")
        return []
    for server in told:
        try:
            address_of(str(server))
        except ValueError as error:
            declared.wrong(f"{variable}: {error}")
    return [str(server) for server in told]


def _no_page() -> dict[str, Any]:
    return {"worker": "", "hosts": [], "records": {}, "names": [], "url": ""}


def _maintenance(told: Any, dns: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The page as the modules take it, and what is wrong, to be read behind ``maintenance``."""
    found = _no_page()
    if not isinstance(told, Mapping):
        return found, [" must be a mapping with worker and hosts, or with records and url"]
    wrong = [f" has no setting {name}" for name in sorted(set(told) - _SETTINGS)]
    found |= {name: value for name, value in told.items() if name in _SETTINGS and value}
    if len([name for name in _BY if found[name]]) != 1:
        wrong.append(
            " needs either worker (put on the routes of hosts) or records (DNS that leads to a page)"
        )
        return {**found, "hosts": [], "records": {}}, wrong
    if found["worker"]:
        hosts = found["hosts"]
        if not isinstance(hosts, list) or not hosts:
            wrong.append(".hosts must be the names that the page is shown on")
            found["hosts"] = []
        wrong += [
            f".hosts: {host} is no host name" for host in found["hosts"] if not _NAME.fullmatch(str(host))
        ]
    else:
        records = found["records"]
        if not isinstance(records, Mapping):
            wrong.append(".records must be records by host of the group dns")
            records = found["records"] = {}
        wrong += [f".records: {name} is no host of the group dns" for name in records if name not in dns]
        wrong += [f".records.{name}: {text}" for name, own in records.items() for text in problems_of(own)]
        wrong += [
            f".records.{name}: only A, AAAA and CNAME lead to a page"
            for name, own in records.items()
            if not problems_of(own) and set(kinds_of(own)) - set(kinds_of([]))
        ]
        if not found["url"]:
            wrong.append(".url must be the address of the page, so that it can be tried")
    if found["url"] and (urlsplit(str(found["url"])).scheme not in ("https", "http")):
        wrong.append(f".url: {found['url']} is no address")
    return found, wrong
