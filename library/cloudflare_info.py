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

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.stage.status import SPEC, work
from ansible.module_utils.stage.task import Task, perform


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=SPEC, supports_check_mode=True)
    result = perform(work, Task(module.params, module.check_mode, module._diff))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
