#!/usr/bin/python
"""Move Workers and Pages to the planned versions, all at once, and read back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudflare_switch
short_description: Move Workers and Pages to the planned versions
version_added: "0.1.0"
description:
  - Makes every component serve its planned version, concurrently, and reads back that it does. A component that is
    already there is not touched; one that serves neither the planned origin nor the target is not touched either,
    because somebody else moved it.
  - A write without an answer is read back before anything else is done. Run again after a kill, it finishes.
  - With O(ledger) it goes on only while the run holds the lock of the environment.
options:
  on_partial:
    description: >-
      What to do when some components arrive and others do not. C(converge) goes on with those that may still arrive,
      C(restore) takes back those that did, so that the old set serves again, C(stop) leaves all where they are.
    type: str
    choices: [converge, restore, stop]
    default: converge
  converge_seconds: {description: Seconds to go on with C(converge)., type: float, default: 60}
extends_documentation_fragment:
  [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.moves, knowngood.locked]
attributes:
  check_mode: {support: full, description: Says what would move and moves nothing.}
  diff_mode: {support: full, description: Shows the version of each component before and after.}
"""

EXAMPLES = r"""
- name: Move the whole set
  cloudflare_switch:
    environment_name: "{{ environment_name }}"
    moves: "{{ plan.plan.moves }}"
    message: "back to {{ plan.plan.release }}"
    on_partial: restore
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan.run }}"
  run_once: true
"""

RETURN = r"""
moved:
  description: "Per component: state (moved, already, stayed, unknown), the version that serves, seconds, problem."
  returned: always
  type: list
  elements: dict
notes:
  description: Deploys that came in between and were overwritten.
  returned: not in check mode
  type: list
  elements: str
restored: {description: Whether the old set serves again., returned: not in check mode, type: bool}
seconds: {description: How long the whole switch took., returned: always, type: float}
outcome: {description: How the run ends here., returned: when the set could not be moved whole, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.switch import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
