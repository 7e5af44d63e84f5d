#!/usr/bin/python
"""Open the incident, and take the lock of an environment, so that one run at a time changes it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: environment_lock
short_description: Open the incident, and take the lock of an environment
version_added: "0.2.0"
description:
  - Takes the lock before a run looks at the environment. A rollback that holds it is waited for, and its result then
    is what this run finds; a deploy that holds it is not interrupted, so the run is refused.
  - A run that nobody typed waits for the end of the lease of a deploy that does not renew it, as a lost runner does
    not. Once the deploy renews it, or its process is seen on this machine, the run is refused.
  - The lock lives for as long as the process of the run, with a lease of 3 minutes that the run renews.
    M(rollback_end) gives it back.
  - First the incident is opened in the journal, with what is known of it.
options:
  incident:
    description: What is known of the incident. Empty to open none.
    type: dict
    default: {}
    suboptions:
      id: {description: Its id elsewhere; that of the run without., type: str, default: ""}
      severity:
        description: How bad it is; it follows from I(trigger) when empty.
        type: str
        choices: ["", CRITICAL, HIGH, MEDIUM, LOW]
        default: ""
      trigger:
        description: What made somebody roll back.
        type: str
        choices: [person, deploy, health, performance, errors, database, payments, security]
        default: person
      detected: {description: "When it was noticed, ISO 8601.", type: str, default: ""}
      detected_by: {description: Who or what noticed it., type: str, default: ""}
      reason: {description: Why., type: str, default: ""}
      evidence: {description: "What showed it: a link to an alert, a line of a log.", type: str, default: ""}
      scribe: {description: Who writes down what people do., type: str, default: ""}
      automatic: {description: Whether nobody typed this run., type: bool, default: false}
      drill: {description: Whether this is an exercise., type: bool, default: false}
  step:
    description: The step of C(recovery.yml) that this is, so that people are told so; empty for a rollback.
    type: str
    default: ""
  state: {description: "C(off) when the step is taken back.", type: str, default: ""}
  owner: {description: Who looks after the environment and its procedures; the report says so., type: str, default: ""}
  dashboards:
    description:
      - Links for the report, by name. C({from}) and C({to}) become the time window of the incident in ISO 8601,
        C({from_ms}) and C({to_ms}) the same in milliseconds since 1970.
    type: dict
    default: {}
  break_lock:
    description: Why a lock that somebody else holds may be broken; it goes into the ledger. Empty to break none.
    type: str
    default: ""
  wait: {description: Seconds to wait at most., type: float, default: 600}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.ledger]
attributes:
  check_mode: {support: full, description: Then no lock is taken.}
  diff_mode: {support: none, description: Nothing of the environment changes.}
"""

EXAMPLES = r"""
- name: Take the lock
  environment_lock:
    environment_name: production
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true

- name: Take the lock although a runner that is gone seems to hold it
  environment_lock:
    environment_name: production
    break_lock: runner 3 was deleted
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
joined:
  description: Id of the rollback that was waited for; null when there was none.
  returned: when the lock is held, or in check mode
  type: str
lock:
  description: Generation of the lock; each taker has a higher one.
  returned: when the lock is held
  type: int
  sample: 7
outcome: {description: How the run ends here., returned: when somebody else keeps the lock, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.lock import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
