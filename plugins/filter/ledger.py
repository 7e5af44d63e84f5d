"""Checks where the inventory keeps the ledger of an environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.ledger.declared import declared_ledger  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_ledger
short_description: Where the ledger of an environment is
version_added: "0.1.0"
description:
  - Turns C(ledger) of the inventory into what the modules take. One place may hold the ledgers of several environments,
    so each gets a part of its own, named after it.
options:
  _input: {description: C(ledger) of the inventory., type: dict, required: true}
  environment_name: {description: The environment., type: str, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
declared: "{{ ledger | declared_ledger(environment_name) }}"
"""

RETURN = r"""
_value:
  description: C(ledger) for the modules, C(problems) as sentences without the name of the file.
  type: dict
"""


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_ledger": declared_ledger}
