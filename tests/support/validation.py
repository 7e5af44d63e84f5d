"""The stages of a validation without Ansible, on services that are anywhere on this machine."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils.stage import before, rates, validate
from plugins.module_utils.stage.task import Task

HEALTH: dict[str, Any] = {
    "body": "status == 'healthy'",
    "version": {"json": "version", "is": "release"},
    "fresh": {"json": "timestamp"},
}


class Validation:
    """Components by name with their health contracts; ``probing`` as the stages take it."""

    def __init__(self, folder: Path, healths: dict[str, dict[str, Any]], **probing: Any) -> None:
        self.runs = folder / "runs"
        self._given: dict[str, Any] = {
            "run": "one",
            "runs_dir": str(self.runs),
            "environment_name": "test",
            "components": [
                {"name": name, "kind": "worker", "target": name, "health": health}
                for name, health in healths.items()
            ],
            "identities": {name: {"release": "r1"} for name in healths},
            "probing": {"timeout": 1, "seconds": 0.2, "slow": 0.5, **probing},
        }

    def validate(self, **given: Any) -> dict[str, Any]:
        return self._work(validate, given)

    def before(self, **given: Any) -> dict[str, Any]:
        return self._work(before, given)

    def rates(self, **given: Any) -> dict[str, Any]:
        return self._work(rates, given)

    def _work(self, stage: ModuleType, given: dict[str, Any]) -> dict[str, Any]:
        told = {name: value for name, value in {**self._given, **given}.items() if name in stage.SPEC}
        checked = ArgumentSpecValidator(stage.SPEC).validate(told)
        assert not checked.error_messages, checked.error_messages
        result: dict[str, Any] = stage.work(Task(checked.validated_parameters, False, False))
        return result
