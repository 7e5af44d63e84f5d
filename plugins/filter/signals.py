"""Checks what the inventory says of signals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.signal.declared import declared_signals  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_signals
short_description: Who measures the application, and within which thresholds it has to be
version_added: "0.1.0"
description:
  - Turns C(signals) of the inventory into what M(service_signals) takes. A source that cannot be used (no threshold, an
    empty token, an address that is none) is left out, and named.
options:
  _input: {description: "The variables of a host, C(hostvars[inventory_hostname]).", type: dict, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
signals: "{{ hostvars[inventory_hostname] | declared_signals }}"
"""

RETURN = r"""
_value:
  description: C(sources) and C(problems) for the module.
  type: dict
"""


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_signals": declared_signals}
