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
  - With O(ledger) the releases that it recorded are known by the names under which they were recorded.
extends_documentation_fragment:
  - knowngood.run
  - knowngood.cloudflare
  - knowngood.components
  - knowngood.grouping
  - knowngood.databases_optional
  - knowngood.locked
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: See what is live
  cloudflare_info:
    environment_name: production
    components: "{{ preflight_components }}"
    ledger: "{{ preflight_ledger }}"
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
databases: {description: "Per database: name, level (the newest migration), problem.", returned: success, type: list, elements: dict}
identities:
  description: "Per component: what the live version may be called (release, tag, commit, version_id)."
  returned: success
  type: dict
recorded_headers:
  description: "Per component: the security headers that the release had when it was found to be good; empty when not known."
  returned: success
  type: dict
maintenance:
  description: >-
    The maintenance page as the ledger knows it: C(hosts), C(records), C(since) (ISO 8601), C(by); empty
    when it is not shown.
  returned: success
  type: dict
outcome: {description: The same as lines of text., returned: success, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.status import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
