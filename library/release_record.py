#!/usr/bin/python
"""Write into the ledger what is live, and whether it was found to work."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_record
short_description: Record what is live as a release, with evidence
version_added: "0.2.0"
description:
  - Reads what serves, with routes, crons, names of secrets and schema levels, and writes it into the ledger as a release,
    together with the verdict of the validation that M(health_probe) made in the same run.
  - A set that is not whole, or that was deployed while it was validated, is not recorded.
options:
  release: {description: Name of the release; empty for the one that Cloudflare's versions tell., type: str, default: ""}
  identities:
    description: What was validated, as M(cloudflare_info) returned it.
    type: dict
    required: true
  tier: {description: Which validation it was., type: str, default: quick}
  left_out:
    description: Declared components that are not in this run (C(--limit)); with any nothing is recorded.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.grouping
  - knowngood.databases_optional
  - knowngood.ledger
attributes:
  check_mode: {support: full, description: Says what would be recorded and writes nothing.}
  diff_mode: {support: none, description: Entries are only added.}
"""

EXAMPLES = r"""
- name: Record the release
  release_record:
    environment_name: production
    identities: "{{ status_result.identities }}"
    components: "{{ preflight_components }}"
    databases: "{{ preflight_databases }}"
    ledger: "{{ preflight_ledger }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ status_result.run }}"
  run_once: true
"""

RETURN = r"""
recorded: {description: Name of the release., returned: when it was recorded, type: str, sample: v1.4.2}
outcome:
  description: How the run ends. A failed validation has told its own.
  returned: when the validation passed, or nothing could be recorded
  type: dict
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.record import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
