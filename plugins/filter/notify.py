"""Checks what the inventory says of notifications and contacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ansible.module_utils

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.notify.declared import declared_notifications  # noqa: E402

DOCUMENTATION = r"""
---
name: declared_notifications
short_description: Who is told how a run goes, and how
version_added: "0.1.0"
description:
  - Turns C(notifications) and C(contacts) of the inventory into what M(incident_notify) takes. A channel or a contact that
    cannot be used (a placeholder, a missing secret, an address that is none) is left out, and named.
options:
  _input: {description: "The variables of a host, C(hostvars[inventory_hostname]).", type: dict, required: true}
author: [Known Good maintainers (@knowngood)]
"""

EXAMPLES = r"""
notify_declared: "{{ hostvars[inventory_hostname] | declared_notifications }}"
"""

RETURN = r"""
_value:
  description:
    C(channels), C(contacts), C(prefix), C(templates) and C(approver) for the module, C(problems) as sentences without the
    name of the file.
  type: dict
"""


class FilterModule:
    """Registers the filters."""

    def filters(self) -> dict[str, Any]:
        return {"declared_notifications": declared_notifications}
