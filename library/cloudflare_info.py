#!/usr/bin/python
"""What is live, since when, by whom, and which release it belongs to."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudflare_info
short_description: What is live of every component
version_added: "0.1.0"
description:
  - Reads all components at once, groups their versions into releases, and says per component which version serves,
    since when, by whom, and to which release it belongs; and what does not fit the release that most of them serve.
options:
  keys:
    description: What joins versions of different components into a release, the strongest first.
    type: list
    elements: str
    choices: [tag, commit, message, window]
    default: [tag, commit, message, window]
  window:
    description: The longest time in seconds between two versions of one release, where only time joins them.
    type: float
    default: 900
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components]
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: See what is live
  cloudflare_info:
    environment_name: production
    components: "{{ preflight_components }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
  register: live
"""

RETURN = r"""
release: {description: The release that most components serve., returned: success, type: str, sample: r2}
whole: {description: Whether all components serve it., returned: success, type: bool}
components:
  description: "Per component: kind, target, serving (version ids with percent), since, by, message, release, problem."
  returned: success
  type: list
  elements: dict
identities:
  description: "Per component: what the live version may be called (release, tag, commit, version_id)."
  returned: success
  type: dict
outcome: {description: The same as lines of text., returned: success, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.journal import Journal
from ansible.module_utils.outcome import DONE, outcome
from ansible.module_utils.release.status import identities, status_rows, status_table
from ansible.module_utils.task import (
    CLOUDFLARE,
    COMPONENTS,
    GROUPING,
    RUN,
    platform_of,
    releases_of,
    run_module,
    states_of,
)


def look(module: AnsibleModule, journal: Journal) -> dict[str, Any]:
    """Read and describe."""
    environment = module.params["environment_name"]
    with journal.stage("status", environment=environment):
        states = states_of(module, platform_of(module, journal))
        releases = releases_of(module, states)
        release, rows = status_rows(states, releases)
    journal.write("status", release=release, components=rows)
    misfits = [row["component"] for row in rows if row["problem"]]
    serves = f"{environment} serves {release}" if release else f"{environment} serves no release"
    return {
        "release": release,
        "whole": not misfits,
        "components": rows,
        "identities": identities(states, releases),
        "outcome": outcome(
            DONE,
            f"{serves}, except {', '.join(misfits)}" if misfits else serves,
            next_=f"ansible-playbook validate.yml -i {environment}",
            details=status_table(rows, datetime.now(UTC)),
        ),
    }


def main() -> None:
    """Entry point."""
    spec = {**RUN, **CLOUDFLARE, **COMPONENTS, **GROUPING}
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), look)


if __name__ == "__main__":
    main()
