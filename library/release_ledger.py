#!/usr/bin/python
"""Look into the ledger of an environment, and say in it what only a person can say."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_ledger
short_description: List, show, condemn and clear releases
version_added: "0.2.0"
description:
  - Lists the releases that the ledger of the environment knows, with their evidence; or does the one other thing that
    is asked for. Two at once are refused. Nothing at Cloudflare changes.
options:
  show: {description: Name of the release to show in full., type: str, default: ""}
  condemn:
    description: A release, or C(component@version), that is never to be a target again. Needs O(reason).
    type: str
    default: ""
  clear:
    description: A condemned release, or C(component@version), that may be a target again. Needs O(reason).
    type: str
    default: ""
  verify:
    description: C(true) to verify the whole chain and tell its head, or a head that was noted, to prove that it is still there.
    type: str
    default: ""
  import_history:
    description: Write the whole releases that Cloudflare still knows into the ledger, as releases without evidence.
    type: bool
    default: false
  reason: {description: Why a release is condemned or cleared., type: str, default: ""}
  incident: {description: Id of the incident for which a release is condemned., type: str, default: ""}
extends_documentation_fragment:
  [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.grouping, knowngood.ledger]
attributes:
  check_mode: {support: full, description: Says the same and writes nothing.}
  diff_mode: {support: none, description: Entries are only added.}
"""

EXAMPLES = r"""
- name: Which releases are known to be good
  release_ledger:
    environment_name: production
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true

- name: Never go back to this one
  release_ledger:
    environment_name: production
    condemn: v1.4.2
    reason: loses payments
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
outcome: {description: "What was asked for, as lines of text.", returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.ledger import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
