"""Gathers what the inventory declares of the components, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.declared import Declared  # noqa: E402
from ansible.module_utils.probe.contract import problems_of  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_components
short_description: The components that the inventory declares
version_added: "0.1.0"
description:
  - Turns the hosts of the groups C(workers) and C(pages) into the list of components that the modules take, and finds
    what is missing or wrong, naming the host, the variable and the file.
options:
  _input: {description: C(hostvars)., type: dict, required: true}
  hosts: {description: C(ansible_play_hosts)., type: list, elements: str, required: true}
  groups: {description: C(groups)., type: dict, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
inventory: "{{ hostvars | declared_components(ansible_play_hosts, groups) }}"
"""

RETURN = r"""
_value:
  description: C(components) for the modules, C(others) and C(left_out) (declared, but not in this run), C(problems) as sentences.
  type: dict
"""

_KINDS = {"workers": ("worker", "worker_name"), "pages": ("pages", "pages_project")}
_FOLLOWS = ("always", "when_changed")


def declared_components(
    hostvars: Mapping[str, Any], hosts: Iterable[str], groups: Mapping[str, list[str]]
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    kind_of = {host: kind for group, kind in _KINDS.items() for host in groups.get(group, [])}
    everything = {host for hosts in groups.values() for host in hosts}
    read = [
        _component(Declared(host, hostvars[host]), *kind_of[host], everything)
        for host in hosts
        if host in kind_of
    ]
    _compare(read, kind_of)
    components = [component for _, component in read]
    others = [
        (Declared(host, hostvars[host]), kind_of[host])
        for host in sorted(set(kind_of) - {c["name"] for c in components})
    ]
    return {
        "components": components,
        # What is not in this run still tells which versions belong together.
        "others": [
            {
                "name": declared.host,
                "kind": kind,
                "target": target,
                "follows": declared.value("release_follows", "always"),
            }
            for declared, (kind, variable) in others
            if isinstance(target := declared.value(variable), str) and target
        ],
        "left_out": sorted(set(kind_of) - {component["name"] for component in components}),
        "problems": [problem for declared, _ in read for problem in declared.problems],
    }


def _component(
    declared: Declared, kind: str, variable: str, everything: set[str]
) -> tuple[Declared, dict[str, Any]]:
    component = {
        "name": str(declared.host),
        "kind": kind,
        "target": declared.required(variable) or "",
        "follows": declared.value("release_follows", "always"),
        "after": declared.value("switch_after", []),
        "health": declared.value("health"),
    }
    if not isinstance(component["target"], str):
        declared.wrong(f"{variable} must be a name")
        component["target"] = ""
    if component["follows"] not in _FOLLOWS:
        declared.wrong(f"release_follows must be one of {', '.join(_FOLLOWS)}")
    if not isinstance(component["after"], list):
        declared.wrong("switch_after must be a list of components")
        component["after"] = []
    if component["health"] is None:
        declared.wrong("health is not set: a component without a check would pass unseen")
        return declared, component
    problems = problems_of(component["health"])
    for text in problems:
        declared.wrong(f"health.{text}" if isinstance(component["health"], Mapping) else f"health {text}")
    if not problems:
        for name in component["health"].get("depends_on") or []:
            if name not in everything:
                declared.wrong(f"health.depends_on names {name}, which the inventory does not know")
    return declared, component


def _compare(read: list[tuple[Declared, dict[str, Any]]], kind_of: Mapping[str, tuple[str, str]]) -> None:
    """What is wrong only beside the others."""
    named: dict[tuple[str, str], str] = {}
    order: dict[str, list[str]] = {}
    for declared, component in read:
        target, host = component["target"], component["name"]
        clash = named.setdefault((component["kind"], target), host)
        if target and clash != host:
            declared.wrong(f"{kind_of[host][1]} is {target}, as for {clash}")
        for before in component["after"]:
            if before not in list(kind_of):
                declared.wrong(f"switch_after names {before}, which is no component")
        order[host] = [before for before in component["after"] if before in list(kind_of)]
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        for declared, component in read:
            if component["name"] == error.args[1][0]:
                declared.wrong(f"switch_after goes in a circle: {' -> '.join(error.args[1])}")


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_components": declared_components}
