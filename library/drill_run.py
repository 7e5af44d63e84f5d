#!/usr/bin/python
"""Run the scenarios of a drill."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: drill_run
short_description: Break an environment on purpose, let the real rollback decide, and prove that all is as before
version_added: "0.2.0"
description:
  - Runs scenarios one after the other. Each breaks something, waits until an outside observer sees it, starts
    C(rollback.yml) as an automatic run, heals what is left, and proves that the environment is as it was.
  - It holds decision, RTO and RPO against the scenario, and writes a line per scenario into the history.
  - It looks first for what forbids the drill, as M(drill_check) does.
options:
  root: {description: Folder of the playbooks., type: path, required: true}
  inventory: {description: "Sources of the inventory, for the rollback inside the drill.", type: list, elements: str, required: true}
  confirmed: {description: "What a person typed; the name of the run, where the environment is not on this machine.", type: str, default: ""}
  unattended: {description: "Nobody is there to type anything, as in CI.", type: bool, default: false}
  heal: {description: "Break nothing; only take back what a drill of these scenarios left, if anything.", type: bool, default: false}
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.grouping
  - knowngood.databases_optional
  - knowngood.probing
  - knowngood.drilled
attributes:
  check_mode: {support: full, description: It says which scenarios it would run.}
  diff_mode: {support: none, description: Nothing changes in the end.}
"""

EXAMPLES = r"""
- name: Drill
  drill_run:
    environment_name: local
    environment_class: local
    drills: "{{ drills }}"
    inventories: inventories
    inventory_dir: "{{ inventory_dir }}"
    inventory: "{{ ansible_inventory_sources }}"
    root: "{{ ansible_config_file | dirname }}"
    folder: drills
    scenarios: worker-throws
    components: "{{ preflight_components }}"
    cloudflare: "{{ preflight_cloudflare }}"
    probing: {seconds: 10}
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
results: {description: "What each scenario came to, with its moments, RTO and RPO.", returned: when scenarios were run, type: list, elements: dict}
page: {description: The drill as an HTML page., returned: when scenarios were run, type: str}
outcome: {description: How the drill ended., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.drill_run import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
