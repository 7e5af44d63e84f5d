#!/usr/bin/python
"""Prove that the databases are whole."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_check
short_description: Prove that the databases are whole
version_added: "0.1.0"
description:
  - Looks where the schema stands, whether a migration is half-applied, and whether the data is whole. Only reads.
options:
  planned:
    description: What M(database_plan) returned, if a rollback came before; then the data is compared with what it was.
    type: list
    elements: dict
    default: []
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.databases]
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Check the databases
  database_check:
    environment_name: production
    databases: "{{ preflight_databases }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
checked:
  description: "Per database: verdict (pass, fail, or inconclusive where somebody else holds a table), level (the newest migration), problems."
  returned: always
  type: list
  elements: dict
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.database_check import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
