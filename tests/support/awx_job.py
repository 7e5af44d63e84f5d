"""One job as AWX 24.6.1 starts it (awx/main/tasks/jobs.py): a folder of its own, the inventory as a script that
prints what was imported, variables and credentials from awx/, and ansible-runner.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner  # type: ignore[import-untyped]
import yaml

from tests.support.environment import ROOT

BIN = Path(sys.executable).parent
# What a checkout of the project has, and the jobs need.
PARTS = ("callback_plugins", "examples", "inventories", "library", "playbooks", "plugins", "roles")


@dataclass(frozen=True)
class Ended:
    """`artifacts` are what AWX would show, and hand to the next job of a workflow."""

    code: int
    output: str
    artifacts: dict[str, Any]


class _Loader(yaml.SafeLoader):
    """Knows Ansible's !unsafe, of whatever it is."""


def _unsafe(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    assert isinstance(node, yaml.ScalarNode)
    return loader.construct_scalar(node)


_Loader.add_constructor("!unsafe", _unsafe)


def described(name: str) -> dict[str, Any]:
    """A file of awx/, as it is written."""
    found: dict[str, Any] = yaml.load((ROOT / "awx" / name).read_text(), Loader=_Loader)
    return found


def job_template(name: str) -> dict[str, Any]:
    """One of awx/job_templates.yml."""
    return next(item for item in described("job_templates.yml")["awx_job_templates"] if item["name"] == name)


def imported(environment: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """What AWX keeps of an inventory source: `ansible-inventory --list --export`, templates as they are."""
    done = subprocess.run(
        [str(BIN / "ansible-inventory"), "-i", f"inventories/{environment}/hosts.yml", "--list", "--export"],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_job(
    name: str,
    folder: Path,
    *,
    inventory: Mapping[str, Any],
    answers: Mapping[str, Any],
    environ: Mapping[str, str],
    extra: Mapping[str, Any],
) -> Ended:
    """Run a job template of awx/. ``answers`` are those of its survey, ``extra`` what all jobs are given."""
    template = job_template(name)
    for part in ("env", "inventory", "project"):
        (folder / part).mkdir(parents=True)
    project = folder / "project"
    for part in PARTS:
        (project / part).symlink_to(ROOT / part)
    for part in ("ansible.cfg", template["playbook"]):
        shutil.copy(ROOT / part, project / part)
    script = folder / "inventory" / "hosts"
    script.write_text(f"#! /usr/bin/env python3\n# -*- coding: utf-8 -*-\nprint({json.dumps(inventory)!r})\n")
    script.chmod(0o700)
    (folder / "env" / "extravars").write_text(
        _extra_vars({**extra, **template.get("extra_vars", {})}, answers)
    )
    arguments = ["-u", "root", *(["-t", template["job_tags"]] if template.get("job_tags") else [])]
    done = ansible_runner.run(
        private_data_dir=str(folder),
        playbook=template["playbook"],
        inventory=str(script),
        cmdline=" ".join(arguments),
        envvars={**environ, "JOB_ID": "17", "PATH": os.pathsep.join([str(BIN), os.environ["PATH"]])},
        quiet=True,
    )
    told = [event for event in done.events if event["event"] == "playbook_on_stats"]
    artifacts = told[-1]["event_data"].get("artifact_data", {}) if told else {}
    return Ended(done.rc, done.stdout.read(), artifacts)


def _extra_vars(of_template: Mapping[str, Any], answers: Mapping[str, Any]) -> str:
    """What a template says may be a template of Jinja's; what is given at launch may not."""
    given = {**answers, "awx_job_id": 17, "awx_workflow_job_id": 16, "awx_user_name": "ann"}
    lines = [f"{name}: {json.dumps(value)}" for name, value in of_template.items() if name not in given]
    for name, value in given.items():
        lines.append(f"{name}: {'!unsafe ' if isinstance(value, str) else ''}{json.dumps(value)}")
    return "\n".join(lines) + "\n"
