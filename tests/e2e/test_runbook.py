"""docs/runbook.md is true: its commands are run in the order of the page, and end as the page says.

A comment before a block says what is not plain: `exit <code>: <why>`; `In make soak; by default <tests>` where
other tests type the same all the time; `elsewhere: <tests>` where this environment cannot do it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from plugins.module_utils.journal import FILE
from tests.support.environment import ROOT, Environment

PAGE = ROOT / "docs" / "runbook.md"
_BLOCK = re.compile(r"(?:^ *<!-- ([^>]*) -->\n)?^ *```bash\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
# What the page names, and what this environment has in its place.
_HERE = {"-i production": "-i local", "-i staging": "-i local", "v1.4.2": "r1", "v1.4.3": "r3"}


@dataclass(frozen=True)
class Block:
    """Commands that are typed one after the other, and the exit code of the last one."""

    script: str
    note: str

    @property
    def code(self) -> int:
        said = re.match(r"exit (\d+)", self.note)
        return int(said.group(1)) if said else 0

    @property
    def elsewhere(self) -> bool:
        return self.note.startswith("elsewhere: ")

    @property
    def soak(self) -> bool:
        return "In make soak; by default " in self.note


def blocks() -> list[Block]:
    return [Block(textwrap.dedent(script), note) for note, script in _BLOCK.findall(PAGE.read_text())]


def newest(environment: Environment, file: str, says: str) -> Path:
    """Such a file of the newest run that left one which says this."""
    return max(path for path in environment.runs.glob(f"*/{file}") if says in path.read_text())


def here(script: str, environment: Environment) -> str:
    """As it would be typed for the environment of the test."""
    for said, meant in _HERE.items():
        script = script.replace(said, meant)
    if "<hash>" in script:
        script = script.replace(
            "<hash>", json.loads(newest(environment, "plan.json", "").read_text())["hash"]
        )
    if "<run>" in script:
        script = script.replace("<run>", newest(environment, FILE, '"switch.end"').parent.name)
    return script


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["once", "every"])
def test_the_commands_work_in_the_order_of_the_page(
    every: bool, environment: Environment, tmp_path: Path
) -> None:
    instance = environment.instance
    (tmp_path / ".curlrc").write_text(
        f'connect-to = "::{instance.edge}"\ncacert = "{instance.ca_file}"\nsilent\nshow-error\n'
    )
    environ = {
        **environment.environ(),
        "CURL_HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for block in blocks():
        if block.elsewhere or (block.soak and not every):
            continue
        script = here(block.script, environment)
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == block.code, f"{script}\n{done.stdout}{done.stderr}"
    # A shell takes the quotes off a reason; it is written down whole all the same.
    ledger = instance.state / "ledger" / "local" / "ledger.jsonl"
    assert '"reason":"v1.4.4 has the fix"' in ledger.read_text()
    assert environment.processes() == []


def test_what_is_not_run_here_is_run_elsewhere() -> None:
    notes = [block.note for block in blocks() if block.note]
    for note in notes:
        assert re.match(r"(exit \d+(: |\. |$)|elsewhere: )", note), f"what does this say? {note}"
    named = {name for note in notes for name in re.findall(r"test_\w+\.py", note)}
    assert named <= {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert all("test_" in block.note for block in blocks() if block.elsewhere)
