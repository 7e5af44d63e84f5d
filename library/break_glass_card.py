#!/usr/bin/python
"""Write the break-glass card."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: break_glass_card
short_description: Write the exact calls for the release that is known to be good, for curl alone
version_added: "0.3.0"
description:
  - Fills in the card for the newest release with evidence that nobody condemned. It has the deployment of every Worker
    and Pages project, the maintenance page and the DNS failover with their ways back, D1 Time Travel, the restoration of
    PostgreSQL, and the contacts. The token is C($CLOUDFLARE_API_TOKEN); no secret is on it.
options:
  contacts: {description: Who is called., type: list, elements: dict, default: []}
  path: {description: The file., type: path, required: true}
  after:
    description: Whether something else has said how the run ended, so that this says only what is missing.
    type: bool
    default: false
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.databases
  - knowngood.ledger
  - knowngood.names
  - knowngood.maintenance
attributes:
  check_mode: {support: full, description: Then it is not written.}
  diff_mode: {support: none, description: There is nothing to compare.}
"""

EXAMPLES = r"""
- name: Write the break-glass card
  break_glass_card:
    environment_name: production
    components: "{{ preflight_components }}"
    databases: "{{ preflight_databases }}"
    names: "{{ recovery_declared.names }}"
    maintenance: "{{ recovery_declared.maintenance }}"
    path: .runs/production/break-glass.md
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
card: {description: The file., returned: when it is written, type: str}
release: {description: The release that it is for., returned: when it is written, type: str}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.break_glass_card import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
