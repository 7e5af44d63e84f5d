#!/usr/bin/python
"""Write down how a rollback ended, hold deploys off, and give the lock back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollback_end
short_description: Write down how a rollback ended
version_added: "0.2.0"
description:
  - Writes the end of the run into the ledger. When it arrived, what was rolled back from is condemned, and the release
    that serves gets the verdict of the validation as evidence.
  - Then it freezes what would deploy over the release by itself (automatic deployments of Pages projects), and gives the
    lock back. Nothing that goes wrong here takes back what the run did; it is told as a warning.
options:
  plan:
    description: What M(release_plan) returned as RV(release_plan#module:plan); empty when the run did not come that far.
    type: dict
    default: {}
  validated: {description: Whether the run came as far as its validation., type: bool, default: false}
  freeze: {description: Whether deploys are held off after a rollback., type: bool, default: true}
  hold:
    description: Whether the code of what was left is kept beside the journal, for those who look into the incident.
    type: bool
    default: false
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.ledger]
attributes:
  check_mode: {support: full, description: Then nothing is written or frozen.}
  diff_mode: {support: none, description: Entries are only added.}
"""

EXAMPLES = r"""
- name: Write down how it ended
  rollback_end:
    environment_name: production
    plan: "{{ plan_result.plan | default({}) }}"
    validated: "{{ validate_result.checked is defined }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run | default(run_id) }}"
  run_once: true
"""

RETURN = r"""
warnings:
  description: What could not be written, frozen or held.
  returned: when there was trouble
  type: list
  elements: str
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.end import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
