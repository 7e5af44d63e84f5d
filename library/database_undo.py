#!/usr/bin/python
"""Take back what an earlier run did to the databases."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_undo
short_description: Take back what an earlier run did to the databases
version_added: "0.1.0"
description:
  - Puts the database back that a swap kept aside, and D1 to the bookmark of before, as the journal of that run says.
    Of a run that was killed right after a swap PostgreSQL itself says what was kept. The code is not touched.
  - With O(ledger) it goes on only while the run holds the lock of the environment.
options:
  undo: {description: Id of the run to take back., type: str, required: true}
  ends_with:
    description: The outcome of a run that takes its own changes back; empty to tell what was taken back.
    type: dict
    default: {}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.databases, knowngood.locked]
attributes:
  check_mode: {support: full, description: Says what would be taken back.}
  diff_mode: {support: none, description: The plan shows what changes.}
"""

EXAMPLES = r"""
- name: Take back what a run did to the databases
  database_undo:
    environment_name: production
    databases: "{{ preflight_databases }}"
    undo: 20261124T213000Z-4f1c9a
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.database_undo import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
