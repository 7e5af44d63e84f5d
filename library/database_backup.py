#!/usr/bin/python
"""Back up the databases and prove the backups."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_backup
short_description: Back up the databases and prove the backups
version_added: "0.1.0"
description:
  - Dumps every PostgreSQL database with a manifest (checksums, row counts and content hashes of the same snapshot), and
    restores it into a scratch database to see that it holds what the manifest says. D1 needs none.
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.databases]
attributes:
  check_mode: {support: full, description: Then no backup is made.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Back up the databases
  database_backup:
    environment_name: production
    databases: "{{ preflight_databases }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
backups:
  description: "Per database: path, tables, rows, and what pg_amcheck said."
  returned: always
  type: list
  elements: dict
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.database_backup import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
