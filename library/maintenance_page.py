#!/usr/bin/python
"""Show the maintenance page instead of the application, or end that."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: maintenance_page
short_description: Put a prepared Worker in front of the application, or take it away
version_added: "0.3.0"
description:
  - With C(on), every route of the names leads to the maintenance Worker, and each name gets a route C(<name>/*) where it
    has none. First the Worker has to answer on its workers.dev address as a maintenance page does, with 503 and
    C(Retry-After). Whose the routes were goes into the ledger, and into C(routes.json) beside the journal, before the
    first change. At the end every name is asked until it shows the page, for at most O(probing.seconds).
  - With C(off), every route is given back to whom it was, and what was added is taken away.
  - Run again, it changes nothing.
options:
  state: {description: Whether the page is shown., type: str, choices: ["on", "off"], required: true}
  worker: {description: Name of the maintenance Worker., type: str, required: true}
  hosts: {description: The names that it is shown on., type: list, elements: str, required: true}
  snapshot:
    description: The file that an earlier run kept; with C(off), instead of what the ledger knows.
    type: str
    default: ""
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.locked, knowngood.probing]
attributes:
  check_mode: {support: full, description: Then it says which routes would change.}
  diff_mode: {support: none, description: The outcome has every route with what it was.}
"""

EXAMPLES = r"""
- name: Show the maintenance page
  maintenance_page:
    environment_name: production
    state: "on"
    worker: must-be-viral-maintenance-prod
    hosts: [mustbeviral.com, www.mustbeviral.com, api.mustbeviral.com]
    probing: {seconds: 30}
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

from ansible.module_utils.stage.maintenance_page import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
