#!/usr/bin/python
"""Try what users do, and whether what they had before a rollback is there after it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: flow_check
short_description: Try what users do
version_added: "0.1.0"
description:
  - Tries the declared flows, all at once, over the public addresses (docs/flows.md). A flow that fails is tried again,
    twice at most, and each attempt is cleaned up after.
  - A flow with a part C(before) leaves something behind that is used later, after a rollback above all.
  - Fails when a flow fails. What a killed run left to clean up is cleaned up by the next one.
options:
  account_id:
    description:
      - The account at Cloudflare that the environment is in. What flows left in another one of the same name is neither
        used nor cleaned up.
    type: str
    default: ""
  flows: {description: "The flows, as C(roles/preflight) gives them.", type: dict, required: true}
  values: {description: Values that the flows use., type: dict, default: {}}
  secrets: {description: "Values that the flows use, and that are never shown.", type: dict, default: {}}
  part:
    description:
      - C(before) makes what is used after a change. It fails for nothing that the application does.
      - C(after) tries the flows.
    type: str
    choices: [before, after]
    default: after
  release: {description: "The release that should be served; for the messages.", type: str, default: ""}
  came_before:
    description: Whether this run changed the environment before; then what is used must have been made before that.
    type: str
    choices: [nothing, switch]
    default: nothing
  why_not: {description: What the part C(before) returned., type: dict, default: {}}
  keep:
    description:
      - Whether what a flow with a part C(before) made is kept for later runs. Where O(runs_dir) does not outlive the
        run, nothing should be kept.
    type: bool
    default: true
  databases: {description: "What M(database_plan) returned; what a database lost is not looked for.", type: list, elements: dict, default: []}
  so_far: {description: "The outcome of M(health_probe), which this one goes on from.", type: dict, default: {}}
extends_documentation_fragment: [knowngood.run, knowngood.probing]
attributes:
  check_mode: {support: full, description: It does nothing. Flows write.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Try what users do
  flow_check:
    environment_name: production
    flows:
      prices:
        component: api-gateway
        steps:
          - name: look at them
            request: {url: $(api)/prices}
            expect: {status: 200, body: length(prices) > `0`}
        cleanup: []
    values: {api: "https://api.example.com"}
    probing: {seconds: 30}
    runs_dir: "{{ runs_dir }}"
    run: "{{ live.run }}"
  run_once: true
"""

RETURN = r"""
checks:
  description: "Per flow: component, check, verdict (pass, fail, inconclusive, not applicable), detail, attempts, seconds, steps."
  returned: for the part after
  type: list
  elements: dict
why_not:
  description: "Per flow with a part before: why nothing could be made; empty when it was."
  returned: for the part before
  type: dict
outcome: {description: How the run ends., returned: for the part after, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.flows import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
