"""Gathers what the inventory declares for the case that a rollback does not help, and what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.recovery.declared import declared_recovery  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_recovery
short_description: What the inventory declares for the case that a rollback does not help
version_added: "0.3.0"
description:
  - Turns the hosts of the group C(dns), and C(maintenance), into what the modules take, and finds what is missing or
    wrong, naming the host, the variable and the file.
options:
  _input: {description: C(hostvars)., type: dict, required: true}
  hosts: {description: C(ansible_play_hosts)., type: list, elements: str, required: true}
  groups: {description: C(groups)., type: dict, required: true}
  maintenance: {description: C(maintenance) of the inventory., type: dict, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
declared: "{{ hostvars | declared_recovery(ansible_play_hosts, groups, maintenance | default({})) }}"
"""

RETURN = r"""
_value:
  description: C(names) and C(maintenance) for the modules, C(problems) as sentences.
  type: dict
"""


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_recovery": declared_recovery}
