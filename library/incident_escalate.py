#!/usr/bin/python
"""Call everybody of the contact chain now."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: incident_escalate
short_description: Call everybody of the contact chain now
version_added: "0.3.0"
description:
  - Writes into the journal that everybody is to be called. The process that M(incident_notify) started beside the run
    reads it there, and calls everybody of the chain who was not called yet.
options:
  contacts:
    description: The contacts that can be used, as the filter P(declared_notifications#filter) gives them.
    type: list
    elements: dict
    default: []
  reason: {description: Why., type: str, default: ""}
extends_documentation_fragment: [knowngood.run]
attributes:
  check_mode: {support: full, description: Then nobody is called.}
  diff_mode: {support: none, description: There is nothing to compare.}
"""

EXAMPLES = r"""
- name: Call everybody
  incident_escalate:
    environment_name: production
    contacts: "{{ notify_declared.contacts }}"
    reason: the rollback failed, and nobody of the first level answers
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.incident_escalate import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
