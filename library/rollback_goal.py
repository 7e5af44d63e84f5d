#!/usr/bin/python
"""Refuse a plan that was not approved, and store the goal before the first change."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollback_goal
short_description: Store the goal of a rollback before the first change
version_added: "0.2.0"
description:
  - Refuses a plan that is not the approved one, and one that lacks an approval that O(require_approval) asks for.
    Then it writes the goal into the ledger, so that a run that is killed can be finished with C(-e resume=<run>).
options:
  plan: {description: What M(release_plan) returned as RV(release_plan#module:plan)., type: dict, required: true}
  databases:
    description: What M(database_plan) returned as RV(database_plan#module:databases).
    type: list
    elements: dict
    default: []
  hash: {description: "Hash of the whole plan, of code and data.", type: str, required: true}
  asked:
    description: The approved plan, as M(release_plan) returned it as RV(release_plan#module:asked); empty for none.
    type: dict
    default: {}
  require_approval:
    description: Which risks need a person's approval.
    type: dict
    default: {}
    suboptions:
      code: {description: Moving code., type: bool, default: false}
      data_loss: {description: "Losing more data than a database's C(loss_allowed).", type: bool, default: false}
  accept_loss: {description: "Hash of the plan whose loss is accepted, which counts as giving the plan.", type: str, default: ""}
  approved_by: {description: Who approved the plan., type: str, default: ""}
  reason: {description: "Why the rollback is made, and why the release that is left is condemned.", type: str, default: ""}
  emergency: {description: Why no approval can be waited for; it is recorded., type: str, default: ""}
  incident: {description: Id of the incident., type: str, default: ""}
  automatic: {description: Whether nobody typed the command., type: bool, default: false}
  drill: {description: "Whether this is an exercise, which counts for no limit of automatic runs.", type: bool, default: false}
  on_partial: {description: "What M(cloudflare_switch) does with a set that did not arrive whole, for the record.", type: str, default: converge}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.ledger]
attributes:
  check_mode: {support: full, description: Says what would be done and what lacks; stores nothing and ends the run.}
  diff_mode: {support: none, description: M(release_plan) shows what changes.}
"""

EXAMPLES = r"""
- name: Store the goal
  rollback_goal:
    environment_name: production
    plan: "{{ plan_result.plan }}"
    databases: "{{ databases_plan.databases }}"
    hash: "{{ databases_plan.hash }}"
    asked: "{{ plan_result.asked }}"
    require_approval: {code: false, data_loss: true}
    approved_by: ann
    reason: v1.4.3 loses payments
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run }}"
  run_once: true
"""

RETURN = r"""
stored: {description: Whether there was anything to reach., returned: when the run goes on, type: bool}
outcome: {description: How the run ends here., returned: when it is refused or in check mode, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.goal import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
