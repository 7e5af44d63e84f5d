#!/usr/bin/python
"""Watch an environment for as long as asked, and say when it gets worse."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_watch
short_description: Notice when an environment gets worse, with a stated rate of false alarms
version_added: "0.1.0"
description:
  - Asks all components at a low rate, and tests all the time whether errors or late answers have become more frequent
    (CUSUM). It ends early when they have; in a whole watch it is wrong about that with the stated probability at most.
  - With O(follow) it also notices that another version serves, compares it with the one before, and asks the signals
    while it watches. Something that is worse is then returned, with what is to be done, and the module does not fail.
  - Without, it watches one release. It fails when something is worse, and with another exit code when too few answers
    came, when somebody deployed, or when a person ended it.
options:
  seconds: {description: How long; 0 for ever., type: float, required: true}
  rate: {description: Requests a second to each component., type: float, default: 2}
  look: {description: Seconds from one word of how it stands to the next., type: float, default: 15}
  errors:
    description: Answers that do not keep the contract. All are proportions.
    type: dict
    suboptions:
      limit: {description: Between O(errors.p0) and O(errors.p1)., type: float, default: 0.01}
      p0: {description: A component at this rate or a lower one is good., type: float, default: 0.005}
      p1: {description: "A component at this rate or a higher one is bad, and a pass proves that it is better.", type: float, default: 0.02}
      alpha: {description: How often a good one may raise an alarm in the whole watch., type: float, default: 0.001}
      beta: {description: "How often a bad one may pass; for other modules.", type: float, default: 0.001}
      confidence: {description: Of the bounds., type: float, default: 0.95}
  late:
    description: Answers that take longer than O(probing.slow). All are proportions.
    type: dict
    suboptions:
      limit: {description: Between O(late.p0) and O(late.p1)., type: float, default: 0.05}
      p0: {description: A component at this rate or a lower one is good., type: float, default: 0.025}
      p1: {description: "A component at this rate or a higher one is bad, and a pass proves that it is better.", type: float, default: 0.1}
      alpha: {description: How often a good one may raise an alarm in the whole watch., type: float, default: 0.001}
      beta: {description: "How often a bad one may pass; for other modules.", type: float, default: 0.001}
      confidence: {description: Of the bounds., type: float, default: 0.95}
  identities:
    description: "Per component: what its version may be called (release, tag, commit, version_id)."
    type: dict
    default: {}
  follow: {description: Whether deploys are followed and compared., type: bool, default: false}
  every: {description: "Seconds between two questions to Cloudflare, the ledger and the signals.", type: float, default: 60}
  suspect:
    description: Seconds since the newest deployment for which a fault is taken for one of the release.
    type: float
    default: 3600
  'on':
    description: What is to be done when something is worse.
    type: dict
    suboptions:
      errors: {description: Answers do not keep the contract., type: str, choices: [roll back, ask], default: roll back}
      latency: {description: Answers are late., type: str, choices: [roll back, ask], default: ask}
      comparison: {description: It is worse than the release before., type: str, choices: [roll back, ask], default: ask}
      signals: {description: A signal is beyond its threshold., type: str, choices: [roll back, ask], default: ask}
  baseline:
    description: How a release is compared with the one before.
    type: dict
    suboptions:
      least: {description: Answers that are needed of each; with fewer nothing is said., type: int, default: 100}
      margin: {description: By how much more errors it has to be worse., type: float, default: 0.005}
      factor: {description: How many times p95 of before is slow., type: float, default: 1.5}
      alpha: {description: How often it may be chance in the whole watch., type: float, default: 0.001}
      seconds: {description: How far back Cloudflare's analytics are asked for., type: float, default: 86400}
  rolled_back_to: {description: "The release, when this run moved the set.", type: str, default: ""}
  so_far: {description: The outcome of the module before., type: dict, default: {}}
extends_documentation_fragment:
  - knowngood.run
  - knowngood.components
  - knowngood.cloudflare
  - knowngood.grouping
  - knowngood.locked
  - knowngood.probing
  - knowngood.signals
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Watch for five minutes
  service_watch:
    environment_name: production
    seconds: 300
    components: "{{ preflight_components }}"
    identities: "{{ live.identities }}"
    cloudflare: "{{ preflight_cloudflare }}"
    probing: {seconds: 30}
    runs_dir: "{{ runs_dir }}"
    run: "{{ live.run }}"
  run_once: true
"""

RETURN = r"""
checks:
  description: "Per check: component, check, verdict, detail; of components also n, bad, interval, p50, p95."
  returned: when something was asked
  type: list
  elements: dict
regression:
  description:
    "With O(follow), when something is worse: why, detected, after (seconds of the run), trigger, decision (roll back, ask), ask (why a person
    decides), worse (component, check, kind, detail)."
  returned: when something was asked
  type: dict
files: {description: Where C(json) and C(xml) are., returned: when something was asked, type: dict}
outcome: {description: How the run ends; not with a regression., returned: sometimes, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.watch import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
