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
        declared = Declared(host, hostvars[host])
        component = _component(declared, kind, variable)
        clash = names.setdefault((kind, component["target"]), host)
        if clash != host and component["target"]:
            declared.wrong(f"{variable} is {component['target']}, as for {clash}")
        problems += declared.problems
        components.append(component)
    problems += _order_problems(components, kind_of)
    left_out = sorted(set(kind_of) - {component["name"] for component in components})
    return {"components": components, "left_out": left_out, "problems": problems}


def _component(declared: Declared, kind: str, variable: str) -> dict[str, Any]:
    component = {
        "name": str(declared.host),
        "kind": kind,
        "target": declared.required(variable) or "",
        "follows": declared.value("release_follows", "always"),
        "after": declared.value("switch_after", []),
        "health": declared.value("health"),
    }
    if component["follows"] not in _FOLLOWS:
        declared.wrong(f"release_follows must be one of {', '.join(_FOLLOWS)}")
    if component["health"] is None:
        declared.wrong("health is not set: a component without a check would pass unseen")
    else:
        for text in problems_of(component["health"]):
            declared.wrong(f"health.{text}")
    return component


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


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_components": declared_components}
