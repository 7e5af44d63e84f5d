"""Gathers what the inventory declares of the components, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

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
  description: C(components) for the modules, C(left_out) (declared, but not in this run), C(problems) as sentences.
  type: dict
"""

_KINDS = {"workers": ("worker", "worker_name"), "pages": ("pages", "pages_project")}
_FOLLOWS = ("always", "when_changed")


def declared_components(
    hostvars: Mapping[str, Any], hosts: Iterable[str], groups: Mapping[str, list[str]]
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    kind_of = {host: kind for group, kind in _KINDS.items() for host in groups.get(group, [])}
    components, problems = [], []
    names: dict[tuple[str, str], str] = {}
    for host in hosts:
        if host not in kind_of:
            continue
        kind, variable = kind_of[host]
        component, wrong = _component(host, kind, variable, hostvars[host])
        clash = names.setdefault((kind, component["target"]), host)
        if clash != host and component["target"]:
            wrong.append(f"{variable} is {component['target']}, as for {clash}")
        where = _file(hostvars[host])
        problems += [f"{where}: {host}: {text}" for text in wrong]
        components.append(component)
    problems += _order_problems(components, kind_of)
    left_out = sorted(set(kind_of) - {component["name"] for component in components})
    return {"components": components, "left_out": left_out, "problems": problems}


def _component(
    host: str, kind: str, variable: str, variables: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []

    def value(name: str, default: Any = None) -> Any:
        try:
            return variables.get(name, default)
        except Exception as error:
            problems.append(f"{name} cannot be resolved: {error}")
            return default

    component = {
        "name": str(host),
        "kind": kind,
        "target": value(variable) or "",
        "follows": value("release_follows", "always"),
        "after": value("switch_after", []),
        "health": value("health"),
    }
    if not component["target"]:
        problems.append(f"{variable} is not set")
    if component["follows"] not in _FOLLOWS:
        problems.append(f"release_follows must be one of {', '.join(_FOLLOWS)}")
    if component["health"] is None:
        problems.append("health is not set: a component without a check would pass unseen")
    else:
        problems += [f"health.{text}" for text in problems_of(component["health"])]
    return component, problems


def _order_problems(components: list[dict[str, Any]], declared: Mapping[str, Any]) -> list[str]:
    order = {component["name"]: component["after"] for component in components}
    problems = [
        f"{name}: switch_after names {before}, which is no component"
        for name, befores in order.items()
        for before in befores
        if before not in declared
    ]
    try:
        TopologicalSorter(order).prepare()
    except CycleError as error:
        problems.append(f"switch_after goes in a circle: {' -> '.join(error.args[1])}")
    return problems


def _file(variables: Mapping[str, Any]) -> str:
    path = Path(str(variables.get("inventory_file") or "the inventory"))
    return "/".join(path.parts[-2:])


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_components": declared_components}
