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
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.moves]
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
    components: "{{ preflight_components }}"
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
