#!/usr/bin/python
"""Write a plan down, for a person to approve."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_plan_write
short_description: Write a plan down for approval
version_added: "0.2.0"
description:
  - Writes what M(release_plan) and M(database_plan) returned into one JSON file, and tells the hash, what the plan risks,
    and the command that applies exactly it. Nothing of the environment changes.
options:
  plan: {description: What M(release_plan) returned as RV(release_plan#module:plan)., type: dict, required: true}
  databases:
    description: What M(database_plan) returned as RV(database_plan#module:databases).
    type: list
    elements: dict
    default: []
  hash: {description: "Hash of the whole plan, of code and data.", type: str, required: true}
  table: {description: The plan as lines of text., type: list, elements: str, default: []}
  require_approval:
    description: Per risk (C(code), C(data_loss)) whether a person has to approve it.
    type: dict
    default: {}
  to: {description: The file; empty for C(plan.json) beside the journal of the run., type: path, default: ""}
extends_documentation_fragment: [knowngood.run]
attributes:
  check_mode: {support: full, description: Then no file is written.}
  diff_mode: {support: none, description: M(release_plan) shows what would change.}
"""

EXAMPLES = r"""
- name: Write the plan down
  release_plan_write:
    environment_name: production
    plan: "{{ plan_result.plan }}"
    databases: "{{ databases_plan.databases }}"
    hash: "{{ databases_plan.hash }}"
    table: "{{ plan_result.table + databases_plan.table }}"
    require_approval: {code: false, data_loss: true}
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run }}"
  run_once: true
"""

RETURN = r"""
file: {description: Where the plan was written., returned: success, type: str}
hash: {description: Hash of the plan., returned: success, type: str, sample: 5d3f0c0f8a11}
risks:
  description: C(code) when components move, C(data_loss) when more is lost than the inventory allows beforehand.
  returned: success
  type: list
  elements: str
outcome: {description: "The plan as lines of text, and the command that applies it.", returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.plan_write import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
