"""Gathers what the inventory declares of the databases, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.declared import Declared  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_databases
short_description: The databases that the inventory declares
version_added: "0.1.0"
description:
  - Turns the hosts of the groups C(postgres) and C(d1) into the list of databases that the modules take, and finds what
    is missing or wrong, naming the host, the variable and the file.
options:
  _input: {description: C(hostvars)., type: dict, required: true}
  hosts: {description: C(ansible_play_hosts)., type: list, elements: str, required: true}
  groups: {description: C(groups)., type: dict, required: true}
  methods: {description: "What a person asked for: C(nothing), C(down) or C(rewind) per database.", type: dict}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
inventory: "{{ hostvars | declared_databases(ansible_play_hosts, groups, database_method | default({})) }}"
"""

RETURN = r"""
_value:
  description: C(databases) for the modules, C(problems) as sentences.
  type: dict
"""

_KINDS = ("d1", "postgres")
_METHODS = ("nothing", "down", "rewind")
_FORMATS = ("custom", "directory")
_DRIVERS = {"d1": ("d1",), "postgres": ("plain", "alembic", "dbmate", "golang-migrate")}


def declared_databases(
    hostvars: Mapping[str, Any],
    hosts: Iterable[str],
    groups: Mapping[str, list[str]],
    methods: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    kind_of = {host: kind for kind in _KINDS for host in groups.get(kind, [])}
    databases, problems = [], []
    for host in hosts:
        if host in kind_of:
            declared = Declared(host, hostvars[host])
            if declared.value("not_applicable"):
                continue
            databases.append(_database(declared, kind_of[host], (methods or {}).get(host, "")))
            problems += declared.problems
    problems += [
        f"-e database_method: {name} is no database; there are {', '.join(kind_of) or 'none'}"
        for name in methods or {}
        if name not in kind_of
    ]
    return {"databases": databases, "problems": problems}


def _database(declared: Declared, kind: str, method: str) -> dict[str, Any]:
    database: dict[str, Any] = {
        "name": str(declared.host),
        "kind": kind,
        "migrations": declared.required("migrations", ": driver and path"),
        "schema_levels": declared.value("schema_levels", {}),
        "schema_works_up_to": declared.value("schema_works_up_to", {}),
        "when_unclear": declared.value("when_unclear", "refuse"),
        "loss_allowed": declared.value("loss_allowed", 0),
        "method": method,
    }
    if kind == "d1":
        database |= {
            "database": declared.required("d1_database") or "",
            "written_at": declared.value("written_at", {}),
        }
    else:
        database |= {
            "dsn": declared.required("postgres_dsn", ": take it from the environment or from vault") or "",
            "identity": declared.required("postgres_identity", ": name and system_identifier") or {},
            "backups": _backups(declared),
            "tools": declared.value("postgres_tools", ""),
            "maintenance": declared.value("postgres_maintenance_database", "postgres"),
            "direct": declared.value("postgres_direct", False),
            "checks": declared.value("integrity", {}),
        }
    if method and method not in _METHODS:
        declared.wrong(f"database_method must be one of {', '.join(_METHODS)}, not {method}")
    migrations = database["migrations"] or {"driver": _DRIVERS[kind][0], "path": ""}
    if migrations.get("driver") not in _DRIVERS[kind]:
        declared.wrong(f"migrations.driver must be one of {', '.join(_DRIVERS[kind])}")
    if not migrations.get("path") or not Path(str(migrations["path"])).is_dir():
        declared.wrong(f"migrations.path is no folder: {migrations.get('path') or 'not set'}")
    database["migrations"] = migrations
    return database


def _backups(declared: Declared) -> Any:
    """As declared; a module that meets a wrong value could not name the host and the file."""
    backups = declared.value("backups", {}) or {}
    if not isinstance(backups, Mapping):
        declared.wrong("backups must be a mapping with folder, max_age, format and jobs")
        return {}
    layout, jobs = backups.get("format", _FORMATS[0]), backups.get("jobs", 1)
    if layout not in _FORMATS:
        declared.wrong(f"backups.format must be one of {', '.join(_FORMATS)}, not {layout}")
    if not str(jobs).isdecimal() or int(jobs) < 1:
        declared.wrong(f"backups.jobs must be a whole number from 1 on, not {jobs}")
    return backups


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_databases": declared_databases}
