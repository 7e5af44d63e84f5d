#!/usr/bin/python
"""Decide whether an environment may be drilled."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: drill_check
short_description: Decide whether an environment may be drilled
version_added: "0.2.0"
description:
  - Refuses what is production, what is not declared drillable, every address, account, zone or database that is not on the
    allow list of the inventory, and a credential that can see what is marked production in any inventory. What could lead
    to production is refused before anything is connected to. It changes nothing.
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.databases_optional
  - knowngood.probing
  - knowngood.drilled
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Never production
  drill_check:
    environment_name: staging
    environment_class: staging
    drills: "{{ drills }}"
    inventories: inventories
    inventory_dir: "{{ inventory_dir }}"
    folder: drills
    scenarios: short
    components: "{{ preflight_components }}"
    cloudflare: "{{ preflight_cloudflare }}"
    probing: {seconds: 10}
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
scenarios: {description: Names of the scenarios that were asked for., returned: when nothing forbids the drill, type: list, elements: str}
outcome: {description: How the run ends here., returned: when the drill is refused, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.drill_check import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
