#!/usr/bin/python
"""Say when the last drill was, and whether the next is due."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: drill_due
short_description: Say when the last drill was, and whether the next is due
version_added: "0.2.0"
description:
  - Reads the history of drills. A drill counts when at least one scenario passed and none failed. Ends with exit code 22
    when the last one is longer ago than C(drills.every) days, or when there was none. It asks nobody and changes nothing.
options:
  drills: {description: "How the environment is drilled, see C(docs/drills.md).", type: dict, default: {}}
  inventory_dir: {description: Folder of the inventory., type: path, required: true}
extends_documentation_fragment:
  - knowngood.run
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Is a drill due?
  drill_due:
    environment_name: staging
    drills: "{{ drills }}"
    inventory_dir: "{{ inventory_dir }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
last: {description: "When the last drill was, ISO 8601; null when there was none.", returned: when drills are declared, type: str}
next: {description: "When the next one is due; null when there was none.", returned: when drills are declared, type: str}
overdue: {description: Whether it is due., returned: when drills are declared, type: bool}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.drill_due import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
