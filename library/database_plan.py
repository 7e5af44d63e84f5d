#!/usr/bin/python
"""Decide what has to happen to the databases."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_plan
short_description: Decide what has to happen to the databases
version_added: "0.1.0"
description:
  - Reads which migrations came after the release, judges them from their SQL, and chooses per database the least that
    makes the release work with it. Nothing, down migrations, or going back to an earlier state as a whole.
  - What would be lost is counted first. More than O(databases[].loss_allowed) is refused, unless O(accept_loss) is the
    hash of this very plan. What cannot be decided is refused with the choices. No data is changed.
options:
  release: {description: The release that the code goes back to., type: str, required: true}
  release_made: {description: "When its last version was made, ISO 8601.", type: str, default: ""}
  levels:
    description: Per database the last migration that the ledger recorded with the release. O(databases[].schema_levels) goes before it.
    type: dict
    default: {}
  plan_hash: {description: Hash of the plan of the code; the hash of the whole plan covers it., type: str, default: ""}
  needs_approval:
    description: Whether losing data needs a person's approval too; then the command for it is shown complete.
    type: bool
    default: false
  only_plan:
    description: Whether the plan is only to be written down, so that nothing is refused for what it loses.
    type: bool
    default: false
  accept_loss: {description: Hash of the plan whose loss is accepted., type: str, default: ""}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.databases]
attributes:
  check_mode: {support: full, description: It changes no data in any mode.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Plan the databases
  database_plan:
    environment_name: production
    databases: "{{ preflight_databases }}"
    release: "{{ plan_result.plan.release }}"
    release_made: "{{ plan_result.plan.release_made }}"
    levels: "{{ plan_result.plan.levels }}"
    plan_hash: "{{ plan_result.plan.hash }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run }}"
  run_once: true
"""

RETURN = r"""
databases:
  description: >-
    Per database: method, why, the migrations since, losses, whether they are within O(databases[].loss_allowed)
    (C(within_limit)), and the earlier state to go back to.
  returned: always
  type: list
  elements: dict
hash: {description: "Identifies the whole plan, of code and data; for C(-e accept_loss) and C(-e plan).", returned: always, type: str}
table: {description: The plan as lines of text., returned: always, type: list, elements: str}
outcome: {description: How the run ends here., returned: when it is refused, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.database_plan import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
