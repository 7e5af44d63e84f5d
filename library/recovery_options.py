#!/usr/bin/python
"""Say which steps of recovery there are."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: recovery_options
short_description: The state of an environment, and which steps of recovery there are, with their commands
version_added: "0.3.0"
description:
  - Looks at everything at once, and changes nothing. What cannot be read is said to be so.
options:
  contacts: {description: Names of those who would be called., type: list, elements: str, default: []}
  card: {description: Where the break-glass card is., type: path, required: true}
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.grouping
  - knowngood.databases
  - knowngood.ledger
  - knowngood.names
  - knowngood.maintenance
  - knowngood.probing
attributes:
  check_mode: {support: full, description: It changes nothing anyway.}
  diff_mode: {support: none, description: There is nothing to compare.}
"""

EXAMPLES = r"""
- name: Say which steps there are
  recovery_options:
    environment_name: production
    components: "{{ preflight_components }}"
    databases: "{{ preflight_databases }}"
    names: "{{ recovery_declared.names }}"
    maintenance: "{{ recovery_declared.maintenance }}"
    card: "{{ recovery_card }}"
    probing: {seconds: 0}
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
options: {description: "Per step what there is, in words.", returned: always, type: dict}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.recovery_options import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
