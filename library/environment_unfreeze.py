#!/usr/bin/python
"""End the freeze that a rollback began."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: environment_unfreeze
short_description: End the freeze that a rollback began
version_added: "0.2.0"
description:
  - Lets Pages projects deploy by themselves again whose automatic deployments the rollback paused, then takes the
    marker away that C(knowngood frozen) and C(knowngood lock) respect. What somebody else had paused stays paused.
  - When a project cannot be put back, the environment stays frozen, and the same task goes on.
options:
  reason: {description: "Why deploys may go on, for the ledger.", type: str, default: ""}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.ledger]
attributes:
  check_mode: {support: full, description: Says whether anything would be unfrozen.}
  diff_mode: {support: none, description: There is nothing to compare.}
"""

EXAMPLES = r"""
- name: Deploys may go on
  environment_unfreeze:
    environment_name: production
    reason: v1.4.4 has the fix
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

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.unfreeze import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
