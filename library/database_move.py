#!/usr/bin/python
"""Take the databases to where the plan says."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_move
short_description: Take the databases to where the plan says
version_added: "0.1.0"
description:
  - Runs down migrations, D1 Time Travel, or the swap with a restored database, concurrently. Rows that would be lost are
    written beside the journal first. Run again after a kill, it finishes.
  - With O(ledger) it goes on only while the run holds the lock of the environment.
options:
  accept_loss: {description: Hash of the plan whose loss was accepted; then no limit holds., type: str, default: ""}
  planned: {description: What M(database_plan) returned., type: list, elements: dict, required: true}
  again: {description: "The command that goes on, for the outcome; empty for C(rollback.yml).", type: str, default: ""}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.databases, knowngood.locked]
attributes:
  check_mode: {support: full, description: Then nothing is moved.}
  diff_mode: {support: none, description: The plan shows what changes.}
"""

EXAMPLES = r"""
- name: Move the databases
  database_move:
    environment_name: production
    databases: "{{ preflight_databases }}"
    planned: "{{ databases_plan.databases }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run }}"
  run_once: true
"""

RETURN = r"""
moved:
  description: "Per database that moved: method, files of the rows that were kept, and what an undo needs."
  returned: always
  type: list
  elements: dict
notes: {description: "What was done, lost and kept, and how to take it back.", returned: always, type: list, elements: str}
outcome: {description: How the run ends here., returned: when a database did not arrive, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.database_move import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
