#!/usr/bin/python
"""Ask every component many times, and say how often it fails and how often it is slow."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_rates
short_description: Prove error rate and latency of every component with numbers
version_added: "0.1.0"
description:
  - Sends requests to the health address of all components side by side, on a schedule that the answers do not change,
    and holds each answer against the contract. Two sequential tests per component (error rate, late answers) and one
    for all together say pass or fail with a stated error, and inconclusive when the time is over before.
  - Fails when a test fails, and when one stays inconclusive, each with an exit code of its own. It stops asking a
    component as soon as that has its verdict.
  - Writes C(validation.json), C(validation.xml) (JUnit) and C(validation.html) of the whole validation beside the journal.
options:
  identities:
    description: "Per component: what its version may be called (release, tag, commit, version_id)."
    type: dict
    default: {}
  errors:
    description: The test of answers that do not keep the contract. All are proportions.
    type: dict
    suboptions:
      limit: {description: "What a pass proves to be the most, at O(errors.confidence).", type: float, default: 0.01}
      p0: {description: A component at this rate or a lower one is good., type: float, default: 0.005}
      p1: {description: A component at this rate or a higher one is bad., type: float, default: 0.02}
      alpha: {description: How often a good one may fail., type: float, default: 0.001}
      beta: {description: How often a bad one may pass., type: float, default: 0.001}
      confidence: {description: Of the bounds., type: float, default: 0.95}
  late:
    description: The test of answers that take longer than O(probing.slow). All are proportions.
    type: dict
    suboptions:
      limit: {description: "What a pass proves to be the most, at O(late.confidence).", type: float, default: 0.05}
      p0: {description: A component at this rate or a lower one is good., type: float, default: 0.025}
      p1: {description: A component at this rate or a higher one is bad., type: float, default: 0.1}
      alpha: {description: How often a good one may fail., type: float, default: 0.001}
      beta: {description: How often a bad one may pass., type: float, default: 0.001}
      confidence: {description: Of the bounds., type: float, default: 0.95}
  load:
    description: What is asked, so that it cannot hurt a component that is not well.
    type: dict
    suboptions:
      rate: {description: Requests a second to each component., type: float, default: 100}
      seconds: {description: After these no request starts., type: float, default: 60}
      max_requests: {description: Requests to all components together., type: int, default: 20000}
      max_in_flight:
        description: When so many wait for an answer of one component, it is not asked any more, and that is said.
        type: int
        default: 100
      warm_up:
        description: So many requests to each component are not timed; they count for errors.
        type: int
        default: 5
  so_far: {description: The outcome of M(health_probe), which this one goes on from., type: dict, default: {}}
extends_documentation_fragment: [knowngood.run, knowngood.components, knowngood.probing]
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Prove error rate and latency
  service_rates:
    environment_name: production
    components: "{{ preflight_components }}"
    identities: "{{ live.identities }}"
    probing: {seconds: 30}
    load: {rate: 50, max_requests: 5000}
    runs_dir: "{{ runs_dir }}"
    run: "{{ live.run }}"
  run_once: true
"""

RETURN = r"""
checks:
  description:
    - "Per check: component, check, verdict (pass, fail, inconclusive, not applicable), n, bad, interval, confidence,
      method, detail in words; for latency also p50, p95, p95_bound and max in seconds."
  returned: when something was asked
  type: list
  elements: dict
files: {description: "Where C(json), C(xml) and C(html) are.", returned: when something was asked, type: dict}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.rates import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
