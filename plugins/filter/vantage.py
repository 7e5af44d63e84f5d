"""Checks the places that the inventory declares to look from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.probe.vantage import problems_of  # noqa: E402

DOCUMENTATION = r"""
---
name: vantage_problems
short_description: What is wrong with the declared vantage points
version_added: "0.1.0"
description:
  - Looks at C(vantage_points) of the inventory, and never repeats the address of a proxy, which may hold a password.
options:
  _input: {description: C(vantage_points) of the inventory., type: raw, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
problems: "{{ vantage_points | vantage_problems }}"
"""

RETURN = r"""
_value:
  description: The problems as sentences, without the name of the file.
  type: list
  elements: str
"""


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"vantage_problems": problems_of}
