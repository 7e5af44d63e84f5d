#!/usr/bin/python
"""Look at every component as it is before the change."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_before
short_description: See how every component is before it is changed
version_added: "0.1.0"
description:
  - Asks all components once, at the same time, and notes version, security headers and certificate of each, so that
    M(health_probe) can say afterwards what the change did to them.
  - Never fails and never waits longer than O(probing.seconds). What does not answer by then is not known, which is
    the usual state of what is about to be rolled back.
  - The answers are also the evidence for O(trigger), with a verdict on each component. See C(docs/triggers.md).
options:
  trigger:
    description: What made somebody roll back. C(person) and C(deploy) ask for no evidence.
    type: str
    choices: [person, deploy, health, performance, errors, database, payments, security]
    default: person
  release: {description: "The target, for words.", type: str, default: ""}
  recorded_headers:
    description: "Per component: the security headers that the target had when it was found to be good."
    type: dict
    default: {}
  maintenance:
    description: >-
      What the ledger knows of the maintenance page, as M(release_plan) returns it. What is behind it is not known.
    type: dict
    default: {}
extends_documentation_fragment: [knowngood.run, knowngood.components, knowngood.probing]
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: See how it is now
  service_before:
    environment_name: production
    components: "{{ preflight_components }}"
    probing: {seconds: 2}
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan_result.run }}"
  run_once: true
  register: validate_before
"""

RETURN = r"""
seen:
  description:
    - "Per component that answered: headers (the security headers in force, or null when the component itself did not
      answer), tls_version, fingerprint (SHA-256), issuer, expires, version."
  returned: always
  type: dict
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.before import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
