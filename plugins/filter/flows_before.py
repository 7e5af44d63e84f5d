"""Chooses the flows that can make something before a change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
---
name: flows_before
short_description: The flows that make something before a change
version_added: "0.1.0"
description:
  - Chooses, of flows, those with a part C(before) whose component answers well now. A component that is down would only
    hold up the change. Of a flow that belongs to the environment as a whole its C(depends_on) must answer well.
options:
  _input: {description: "Flows, as P(declared_flows#filter) gives them.", type: dict, required: true}
  environment_name: {description: The environment., type: str, required: true}
  seen: {description: "What M(service_before) returned; without C(seen) in it nothing is known, and all are chosen.", type: dict, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
chosen: "{{ preflight_flows | flows_before(environment_name, validate_before | default({})) }}"
"""

RETURN = r"""
_value: {description: The chosen flows., type: dict}
"""


def flows_before(
    flows: Mapping[str, Mapping[str, Any]], environment_name: str, seen: Mapping[str, Any]
) -> dict[str, Any]:
    """See DOCUMENTATION."""
    known = seen.get("seen")

    def is_well(component: str) -> bool:
        # Without headers it was not the component that answered, or nothing did (probe/posture.py).
        return known is None or known.get(component, {}).get("headers") is not None

    def needs(flow: Mapping[str, Any]) -> list[str]:
        # The environment as a whole answers nothing.
        whole = flow["component"] == environment_name
        return list(flow.get("depends_on") or []) if whole else [flow["component"]]

    return {name: flow for name, flow in flows.items() if "before" in flow and all(map(is_well, needs(flow)))}


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"flows_before": flows_before}
