"""Through ansible-runner, as AWX does it: our exit codes, without our terminal, and nothing left behind."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import ansible_runner  # type: ignore[import-untyped]
import pytest

from tests.support.environment import ROOT, Environment


def run(environment: Environment, folder: Path, **settings: Any) -> ansible_runner.Runner:
    """`rollback.yml -i local` from the root, which holds the project's ansible.cfg."""
    (folder / "env").mkdir(parents=True)
    return ansible_runner.run(
        private_data_dir=str(folder),
        project_dir=str(ROOT),
        playbook="rollback.yml",
        inventory=str(ROOT / "local"),
        envvars={
            **environment.environ(),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
        quiet=True,
        cancel_callback=lambda: False,
        **settings,
    )


def left_behind(environment: Environment) -> list[str]:
    deadline = time.monotonic() + 3
    while environment.processes() and time.monotonic() < deadline:
        time.sleep(0.02)
    return environment.processes()


@pytest.mark.parametrize(("extra", "code"), [({}, 0), ({"release": "r9"}, 10)], ids=["done", "refused"])
def test_the_exit_code_is_ours(
    environment: Environment, tmp_path: Path, extra: dict[str, str], code: int
) -> None:
    before = environment.live()
    done = run(environment, tmp_path / "runner", extravars=extra)
    told = done.stdout.read()
    assert done.rc == code, told
    assert "WARNING" not in told
    assert environment.live() == (before if code else environment.versions("r2"))
    assert len(list(environment.runs.glob("*/journal.jsonl"))) == 1
    assert left_behind(environment) == []
    for file in (tmp_path / "runner" / "artifacts").rglob("*"):
        assert not file.is_file() or environment.instance.api_token not in file.read_text(), file


def test_a_run_that_is_cut_off_leaves_no_process(environment: Environment, tmp_path: Path) -> None:
    environment.api.fault({"kind": "timeout", "match": {"method": "POST", "path": "/deployments$"}})
    done = run(environment, tmp_path / "runner", settings={"job_timeout": 3})
    assert done.status == "timeout"
    assert left_behind(environment) == []
