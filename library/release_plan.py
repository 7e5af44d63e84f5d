#!/usr/bin/python
"""Choose the release to go back to, and plan every move. Changes nothing."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_plan
short_description: Choose the release to go back to and plan every move
version_added: "0.1.0"
description:
  - Reads what is live and what was released of all components at once, groups the versions into releases, chooses
    the target and says per component what would be done. It changes nothing, in no mode.
  - The target is the newest release before the newest one that was put into service that is known to be good, whole,
    not condemned, not below the floor, within Cloudflare's reach, and that nobody rolled back from, unless O(release)
    or O(versions) names another, or O(plan) or O(resume) one that was planned before. What is passed over is shown
    with the reason. Without such a release it refuses, and shows the candidates with the command for each.
  - Meanwhile it asks for the evidence that belongs to O(trigger), and writes down what it finds; nothing of that fails it.
options:
  left_out:
    description: Declared components that this run does not touch (C(--limit)).
    type: list
    elements: str
    default: []
  release:
    description: Name, tag, commit or message of the release to go to.
    type: str
    default: ""
  versions:
    description: Version ids per component, when no name fits. Components that are not named stay as they are.
    type: dict
    default: {}
  plan:
    description: File of an approved plan, or its hash, to be applied as it is; M(rollback_goal) refuses another.
    type: str
    default: ""
  resume:
    description: Id of the run whose goal, as the ledger has it, is to be reached.
    type: str
    default: ""
  require_evidence:
    description: Whether a target needs evidence that it works. Without, the newest whole release will do where none has it.
    type: bool
    default: true
  min_served:
    description: Seconds that a release must have served before the next one came.
    type: float
    default: 0
  served_before:
    description: Version ids per component, that served before a deploy which failed. A plan that moves a component which
      the deploy left as it was is refused.
    type: dict
    default: {}
  not_older_than:
    description: The floor, a release or a time in ISO 8601, before which nothing is a target.
    type: str
    default: ""
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.grouping
  - knowngood.ledger
  - knowngood.databases_optional
  - knowngood.evidence
  - knowngood.third_parties
  - knowngood.signals
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: full, description: Shows what serves before and after.}
"""

EXAMPLES = r"""
- name: Plan the way back
  release_plan:
    environment_name: production
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
  register: plan

- name: Plan the way to a release that a person named
  release_plan:
    environment_name: production
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    release: v1.4.2
  run_once: true
  register: plan

- name: Plan the way to where a run that was killed wanted to go
  release_plan:
    environment_name: production
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    resume: 20261124T213000Z-4f1c9a
  run_once: true
  register: plan
"""

RETURN = r"""
plan:
  description: The plan.
  returned: success
  type: dict
  contains:
    hash: {description: Identifies what would be done., type: str, sample: 5d3f0c0f8a11}
    environment: {description: Name of the environment., type: str}
    release: {description: The target., type: str, sample: r2}
    release_made: {description: "When its last version was made, ISO 8601.", type: str}
    live_release: {description: The release that most components serve now., type: str, sample: r3}
    reason: {description: Why this target., type: str}
    changes: {description: Whether anything has to move., type: bool}
    moves: {description: "Per component: from, to, method, why.", type: list, elements: dict}
    skipped: {description: Newer releases that cannot be the target and why., type: list, elements: dict}
    left_out: {description: Declared components that this run does not touch., type: list, elements: str}
    leaves:
      description: "What is rolled back from: C(releases), names, and C(versions), ids per component."
      type: dict
    levels: {description: Schema level per database that the ledger recorded with the target., type: dict}
    stays: {description: What the rollback does not take back., type: list, elements: str}
    goes_back: {description: Bindings and names of secrets that go back with the versions., type: list, elements: str}
    evidence: {description: The newest validation of the target; empty when the ledger has none., type: dict}
recorded_headers:
  description: "Per component: the security headers that the target had when it was found to be good."
  returned: success
  type: dict
identities:
  description: "Per component: what its target may be called (release, tag, commit, version_id)."
  returned: success
  type: dict
asked:
  description: The plan that O(plan) names, with its hash and, from a file, its moves; empty without O(plan).
  returned: success
  type: dict
maintenance:
  description: >-
    The maintenance page as the ledger knows it: C(hosts), C(records), C(since) (ISO 8601), C(by); empty
    when it is not shown.
  returned: success
  type: dict
table: {description: The plan as lines of text., returned: success, type: list, elements: str}
run: {description: Id of the run., returned: always, type: str, sample: 20261124T213000Z-4f1c9a}
journal: {description: File of the run's journal., returned: always, type: str}
outcome: {description: How the run ends here., returned: when there is no target, type: dict}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.plan import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
