#!/usr/bin/python
"""Decide whether a rollback that nobody typed should go ahead."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rollback_decide
short_description: Decide whether an automatic rollback would help
version_added: "0.2.0"
description:
  - Looks for a reason not to roll back. The incident has had its attempts, or the last automatic rollback is too recent;
    the failed deploy changed nothing; a third party is not well; a database does not answer. The first one ends the run
    with exit code 15. It changes nothing.
options:
  trigger:
    description: What started the run, such as a deploy that failed or a health check.
    type: str
    choices: [person, deploy, health, performance, errors, database, payments, security]
    default: deploy
  incident: {description: "Id of the incident, by which attempts are counted.", type: str, default: ""}
  attempts: {description: Automatic rollbacks per incident., type: int, default: 1}
  cooldown: {description: "Seconds between two automatic rollbacks of the environment, whatever the incident.", type: float, default: 1800}
  cap:
    description: The most automatic rollbacks of the environment.
    type: dict
    suboptions:
      count: {description: So many., type: int, default: 3}
      seconds: {description: In so many seconds., type: float, default: 86400}
  ask: {description: "Why a person decides, whatever else is found; empty when nobody has to.", type: str, default: ""}
  joined:
    description: The run that this one waited for. When it arrived, this one only sees whether that helped.
    type: str
    default: ""
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.grouping
  - knowngood.databases_optional
  - knowngood.ledger
  - knowngood.probing
  - knowngood.third_parties
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Decide whether a rollback would help
  rollback_decide:
    environment_name: production
    trigger: deploy
    incident: "{{ pipeline_id }}"
    components: "{{ preflight_components }}"
    databases: "{{ preflight_databases }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    probing: {seconds: 5}
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
declined: {description: The reason not to roll back; null when there is none., returned: success, type: str}
outcome: {description: How the run ends here., returned: when it is declined, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.decide import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
