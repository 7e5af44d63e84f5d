"""Stages of recovery without the start of Ansible, and the sample's maintenance Worker."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from local_cloudflare.launch import Instance
from plugins.module_utils.journal import FILE, new_run_id, read
from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.recovery.hidden import told
from plugins.module_utils.stage.task import Task, perform
from tests.support.api import Api
from tests.support.environment import ROOT

PAGE = (ROOT / "examples/must-be-viral/workers/maintenance/index.js").read_text()


class Recovery:
    """Runs stages against an instance, each as a run of its own in ``runs``, with one ledger."""

    def __init__(self, instance: Instance, runs: Path) -> None:
        self.runs = runs
        self.declared: dict[str, Any] = {
            "cloudflare": {
                "account_id": instance.account_id,
                "api_token": instance.api_token,
                "api_url": instance.api_url,
            },
            "ledger": {"backend": "directory", "path": str(runs / "ledger")},
            "operator": "ann@ops",
            "environment_name": "local",
            "runs_dir": str(runs),
            "probing": {"connect_to": instance.edge, "ca_file": instance.ca_file, "seconds": 10},
        }

    def stage(self, module: ModuleType, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
        """The result of a stage, with its ``outcome``."""
        told = {**self.declared, "run": new_run_id(), **given}
        params = {name: value for name, value in told.items() if name in module.SPEC}
        checked = ArgumentSpecValidator(module.SPEC).validate(params)
        assert not checked.error_messages, checked.error_messages
        return perform(module.work, Task(checked.validated_parameters, check_mode, True))

    @property
    def ledger(self) -> Ledger:
        """That of the environment."""
        backend = open_backend(self.declared["ledger"], lambda: pytest.fail("no client is needed"))
        return Ledger(backend, by="test")

    def shown(self) -> dict[str, Any]:
        """What the ledger knows of the maintenance page."""
        return told(self.ledger.view().maintenance)

    def events(self, result: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        return [event for event in read(self.runs / result["run"] / FILE) if event["event"] == kind]


def upload_page(api: Api, worker: str, text: str = PAGE) -> None:
    """Deploy a Worker without routes, on its workers.dev name."""
    metadata = {"main_module": "index.js", "compatibility_date": "2026-04-01"}
    files = {
        "metadata": (None, json.dumps(metadata)),
        "index.js": ("index.js", text, "application/javascript+module"),
    }
    answer = api.raw("PUT", f"A/workers/scripts/{worker}", files=files)
    assert answer.ok, answer.text
    api("POST", f"A/workers/scripts/{worker}/subdomain", {"enabled": True})
