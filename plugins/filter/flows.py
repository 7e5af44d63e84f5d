"""Checks the flows that an environment declares, and chooses those of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.flow.declared import problems_of  # noqa: E402
from ansible.module_utils.flow.values import OWN  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_flows
short_description: The flows of users that an environment declares
version_added: "0.1.0"
description:
  - Turns C(flows), C(flow_values) and C(flow_secrets) of the inventory into what M(flow_check) takes, and finds what is
    wrong with them (docs/flows.md). A flow is left out with its component, and with those that it depends on.
options:
  _input: {description: C(flows) of the inventory., type: dict, required: true}
  values: {description: C(flow_values) of the inventory., type: dict, required: true}
  secrets: {description: C(flow_secrets) of the inventory., type: dict, required: true}
  inventory: {description: What P(declared_components#filter) found., type: dict, required: true}
  databases: {description: Names of the databases of the environment., type: list, elements: str, required: true}
  environment_name: {description: "The environment, which a flow can belong to as well.", type: str, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
declared: "{{ flows | declared_flows(flow_values, {}, preflight_inventory, groups.d1, environment_name) }}"
"""

RETURN = r"""
_value:
  description: C(flows) for the module, C(problems) as sentences without the name of the file.
  type: dict
"""


def declared_flows(
    flows: Any,
    values: Any,
    secrets: Any,
    inventory: Mapping[str, Any],
    databases: list[str],
    environment_name: str,
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    named = (("flows", flows), ("flow_values", values), ("flow_secrets", secrets))
    problems = [f"{name} must be a mapping" for name, given in named if not isinstance(given, Mapping)]
    if problems:
        return {"flows": {}, "problems": problems}
    for name, given in named[1:]:
        problems += [f"{name}.{key}: every flow has a value of that name" for key in given if key in OWN]
        problems += [f"{name}.{key} is empty" for key, value in given.items() if value in (None, "")]
    problems += [f"flow_secrets.{key}: flow_values has it too" for key in secrets if key in values]
    if flows and "payment" not in flows:
        problems.append("flows.payment is not set: a flow, or component and not_applicable with the reason")
    here = {component["name"] for component in inventory["components"]} | {environment_name}
    for name, declared in flows.items():
        found = problems_of(
            name,
            declared,
            values=values,
            secrets=secrets,
            components=here | set(inventory["left_out"]),
            databases=databases,
        )
        problems += [f"flows.{text}" for text in found]
    chosen = {
        name: flow
        for name, flow in flows.items()
        if not problems and {flow["component"], *(flow.get("depends_on") or [])} <= here
    }
    return {"flows": chosen, "problems": problems}


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_flows": declared_flows}
