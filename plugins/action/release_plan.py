"""Runs a stage inside ``ansible-playbook`` instead of starting a Python for it.

The modules of the library work by themselves; this file, under the name of each of them, is what
Ansible finds first. Starting a module costs about 0.3 s, four times in a rollback, and everything
runs on this machine anyway. Elsewhere the module itself is used.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import ansible.module_utils
from ansible.plugins.action import ActionBase

# Ansible offers a project's module_utils to modules only; here the controller needs them.
ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))

from ansible.module_utils.artifacts import artifacts  # noqa: E402
from ansible.module_utils.stage.lifeline import end_with_the_command  # noqa: E402
from ansible.module_utils.stage.task import Task, perform  # noqa: E402

# The modules that are not called as their stage is.
STAGES = {
    "cloudflare_put_back": "put_back",
    "incident_notify": "notify",
    "environment_lock": "lock",
    "environment_unfreeze": "unfreeze",
    "incident_report": "report",
    "release_ledger": "ledger",
    "release_plan_write": "plan_write",
    "release_record": "record",
    "rollback_decide": "decide",
    "rollback_end": "end",
    "rollback_goal": "goal",
    "release_plan": "plan",
    "cloudflare_rehearse": "rehearse",
    "cloudflare_switch": "switch",
    "service_before": "before",
    "health_probe": "validate",
    "flow_check": "flows",
    "service_rates": "rates",
    "service_signals": "signals",
    "service_watch": "watch",
    "cloudflare_info": "status",
}


class ActionModule(ActionBase):
    """One stage, in the process of the task."""

    _supports_check_mode = True
    _supports_diff = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        if self._connection.transport not in ("local", "ansible.builtin.local"):
            result.update(self._execute_module(task_vars=task_vars))
            return result
        end_with_the_command()
        name = STAGES.get(self._task.action, self._task.action)
        stage = import_module(f"ansible.module_utils.stage.{name}")
        _, params = self.validate_argument_spec(argument_spec=stage.SPEC)
        result.update(perform(stage.work, Task(params, self._task.check_mode, self._task.diff)))
        if "awx_job_id" in (task_vars or {}):
            # What ansible.builtin.set_stats returns, without the time of a task.
            result["ansible_stats"] = {"data": artifacts(name, result), "per_host": False, "aggregate": False}
        return result
