#!/usr/bin/python
"""Try the planned versions on the real platform before anybody sees them."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudflare_rehearse
short_description: Try the planned versions before anybody sees them
version_added: "0.1.0"
description:
  - Puts every planned Worker version into the current deployment at 0 %, asks it for its health with the header
    C(Cloudflare-Workers-Version-Overrides), and asks every planned Pages deployment at its own address.
  - If a target fails, or Cloudflare refuses one, all are withdrawn again and the module fails; users never met them.
options:
  not_yet:
    description: Databases that move after the rehearsal; what depends on one is not tried.
    type: list
    elements: str
    default: []
  maintenance:
    description: >-
      What the ledger knows of the maintenance page, as M(release_plan) returns it. A Worker behind it is not tried.
    type: dict
    default: {}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.moves, knowngood.probing]
attributes:
  check_mode: {support: full, description: Then nothing is put into a deployment and nothing is asked.}
  diff_mode: {support: none, description: What is served does not change.}
"""

EXAMPLES = r"""
- name: Try the target unseen
  cloudflare_rehearse:
    environment_name: "{{ environment_name }}"
    moves: "{{ plan.plan.moves }}"
    message: rehearsal
    components: "{{ preflight_components }}"
    cloudflare: "{{ preflight_cloudflare }}"
    probing: {seconds: 10}
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan.run }}"
  run_once: true
"""

RETURN = r"""
rehearsed:
  description: "Per component: verdict (pass, fail, refused, inconclusive) and why."
  returned: always
  type: list
  elements: dict
outcome: {description: How the run ends here., returned: when a target failed or was refused, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.rehearse import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
