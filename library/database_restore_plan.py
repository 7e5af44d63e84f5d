#!/usr/bin/python
"""Plan to take databases back to an earlier moment."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: database_restore_plan
short_description: Plan to take databases back to an earlier moment, and ask for consent to the loss
version_added: "0.3.0"
description:
  - A PostgreSQL database goes to its newest backup (of O(moment) or before it), which is restored beside it and compared,
    so that the loss is exact. A D1 database goes to O(moment) by Time Travel. Without such a state it is refused, and so is
    a loss without the hash of the plan in O(accept_loss).
  - It changes nothing. M(database_move) does what it returns.
options:
  moment: {description: "To which time, ISO 8601; empty for the newest backup.", type: str, default: ""}
  accept_loss: {description: Hash of the plan whose loss is accepted., type: str, default: ""}
  require_approval: {description: "C(data_loss): whether a loss needs a person's approval.", type: dict, default: {}}
  approved_by: {description: Who approved it., type: str, default: ""}
  reason: {description: Why., type: str, default: ""}
  emergency: {description: Why there is no time for an approval., type: str, default: ""}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.databases]
attributes:
  check_mode: {support: full, description: Then it says what it would ask.}
  diff_mode: {support: none, description: The outcome has what would be lost.}
"""

EXAMPLES = r"""
- name: Plan to restore
  database_restore_plan:
    environment_name: production
    databases: "{{ preflight_databases }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
  register: restore
"""

RETURN = r"""
databases: {description: "As M(database_plan) returns them.", returned: when nothing is refused, type: list, elements: dict}
hash: {description: What a person agrees to., returned: when nothing is refused, type: str}
again: {description: The command., returned: when nothing is refused, type: str}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.database_restore_plan import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
