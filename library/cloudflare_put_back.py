#!/usr/bin/python
"""Put back what no version holds: routes and crons."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudflare_put_back
short_description: Put routes and crons back as they were recorded
version_added: "0.2.0"
description:
  - Makes the routes or crons of the Workers what the ledger recorded with a release. They belong to the Worker and to
    no version, so a rollback by itself leaves them as they are.
  - A route that belongs to another Worker by now is not taken from it. What fails is noted and takes nothing back.
options:
  release: {description: The release whose routes and crons come back., type: str, required: true}
  what: {description: What is put back., type: list, elements: str, choices: [cron, route], required: true}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.locked]
attributes:
  check_mode: {support: full, description: Then nothing is put back.}
  diff_mode: {support: none, description: The plan shows what is not as it was.}
"""

EXAMPLES = r"""
- name: Put routes and crons back
  cloudflare_put_back:
    environment_name: production
    release: v1.4.2
    what: [cron, route]
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run }}"
  run_once: true
"""

RETURN = r"""
notes:
  description: What was put back, and what could not be, as lines of text.
  returned: success
  type: list
  elements: str
known:
  description: Whether the ledger knows what to put back.
  returned: success
  type: bool
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.put_back import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
