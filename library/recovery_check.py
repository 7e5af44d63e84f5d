#!/usr/bin/python
"""Check what a recovery needs before it is needed."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: recovery_check
short_description: Check that DNS says what is declared, and that the maintenance page is ready
version_added: "0.3.0"
description:
  - Asks the name servers of the zone and every resolver for each name of the group C(dns). The authority must say what
    is declared, with the declared TTL, and every resolver that answers must agree; who disagrees is named, with the
    seconds that its answer may still live. What nobody answers is inconclusive.
  - Asks the maintenance page where it is prepared. It must answer 503, with C(Retry-After).
  - Every result is an event C(check) in the journal, and so in C(validation.json).
options:
  so_far: {description: The outcome of the stage before., type: dict, default: {}}
  shown:
    description: >-
      What the ledger knows of the page, as M(cloudflare_info) returns it. A name that leads to it is inconclusive.
    type: dict
    default: {}
extends_documentation_fragment:
  [knowngood.run, knowngood.cloudflare, knowngood.names, knowngood.maintenance, knowngood.probing]
attributes:
  check_mode: {support: full, description: It changes nothing anyway.}
  diff_mode: {support: none, description: There is nothing to compare.}
"""

EXAMPLES = r"""
- name: Check DNS and the maintenance page
  recovery_check:
    environment_name: production
    names: "{{ recovery_declared.names }}"
    maintenance: "{{ recovery_declared.maintenance }}"
    probing: {seconds: 10}
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
checks:
  description: C(component), C(check), C(verdict) and C(detail) of each.
  returned: always
  type: list
  elements: dict
files: {description: The results as files, by kind., returned: always, type: dict}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.recovery_check import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
