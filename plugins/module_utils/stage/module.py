"""A stage as an Ansible module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .task import Task, perform

__all__ = ["run"]


def run(spec: Mapping[str, Any], work: Callable[[Task], dict[str, Any]]) -> None:
    """Take the arguments, do the work, leave with the result."""
    module = AnsibleModule(argument_spec=dict(spec), supports_check_mode=True)
    module.exit_json(**perform(work, Task(module.params, module.check_mode, module._diff)))
