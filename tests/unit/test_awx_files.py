"""What awx/ and execution-environment.yml describe fits the playbooks, the inventories and the lock."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.module_utils.artifacts import artifacts
from plugins.module_utils.outcome import DONE, outcome
from plugins.module_utils.report.archive import NotArchived, archive
from tests.support.awx_job import described
from tests.support.environment import ROOT

TEMPLATES: list[dict[str, Any]] = described("job_templates.yml")["awx_job_templates"]
QUESTIONS: dict[str, dict[str, Any]] = described("job_templates.yml")["awx_questions"]


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_a_question_asks_for_an_option_that_the_preflight_knows(name: str) -> None:
    """A choice that is none of its, or an answer left out and sent as an empty text, would refuse the job."""
    spec = yaml.safe_load((ROOT / "roles/preflight/meta/argument_specs.yml").read_text())
    question = QUESTIONS[name]
    option = spec["argument_specs"]["main"]["options"][question["variable"]]
    if "choices" in option:
        assert set(question["choices"]) <= set(option["choices"])
    if option["type"] == "bool":
        assert set(question["choices"]) == {"true", "false"}
    if "choices" in question:
        assert question["required"] and question["default"] in question["choices"]
    # The word that takes data back, and is looked at even when it is empty.
    assert question.get("required") or question["variable"] != "undo"


@pytest.mark.parametrize("name", [template["name"] for template in TEMPLATES])
def test_a_job_template_has_its_playbook_and_its_questions(name: str) -> None:
    template = next(each for each in TEMPLATES if each["name"] == name)
    assert (ROOT / template["playbook"]).is_file()
    assert set(template.get("survey", [])) <= set(QUESTIONS)
    assert set(template.get("asks", [])) <= {"tags", "limit", "job_type", "diff_mode"}


def test_the_approved_plan_cannot_be_typed() -> None:
    bound = next(each for each in TEMPLATES if each["name"] == "rollback as approved")
    assert bound["extra_vars"]["plan"] == "none"
    assert "survey" not in bound and "asks" not in bound
    workflow = described("job_templates.yml")["awx_workflow_survey"]
    assert "plan" not in {QUESTIONS[name]["variable"] for name in workflow}


def test_credentials_become_the_variables_that_are_read() -> None:
    types = described("credential_types.yml")["awx_credential_types"]
    inventory = (ROOT / "inventories/production/group_vars/all.yml").read_text()
    for name in types["cloudflare"]["injectors"]["env"]:
        assert f"'{name}'" in inventory
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md") if path.name != "awx.md")
    for kind in ("postgres", "messages"):
        assert all(name in pages for name in types[kind]["injectors"]["env"])
    for kind in types.values():
        fields = {field["id"] for field in kind["inputs"]["fields"]}
        used = " ".join(
            [*kind["injectors"].get("env", {}).values(), *kind["injectors"].get("file", {}).values()]
        )
        assert all(f"{{{{ {field} }}}}" in used for field in fields)


def test_the_execution_environment_has_what_the_playbooks_need(tmp_path: Path) -> None:
    """ansible-builder accepts it; every dependency is in it, in the version of the lock, before any pip runs."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-builder")), "create", "-c", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    containerfile = next(
        path for name in ("Containerfile", "Dockerfile") if (path := tmp_path / name).exists()
    )
    steps = containerfile.read_text().splitlines()
    pinned = steps.index("ENV PIP_CONSTRAINT=/opt/known-good/requirements.lock")
    assert pinned < min(number for number, step in enumerate(steps) if "pip install" in step)
    assert "RUN cd /opt/known-good && npm ci --ignore-scripts --no-audit --no-fund" in steps
    for name in ("requirements.lock", "package-lock.json"):
        assert (tmp_path / "_build/pinned" / name).read_bytes() == (ROOT / name).read_bytes()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {each.split(">")[0].split("=")[0] for each in project["dependencies"]}
    inside = set((tmp_path / "_build/requirements.txt").read_text().split())
    assert needed <= inside | {"ansible-core", "ansible-runner"}
    locked = {line.split("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    assert inside <= locked


def test_only_a_plan_leaves_the_word_that_binds_a_rollback(tmp_path: Path) -> None:
    """Artifacts are variables of the next job: any other name that is an option would change what it does."""
    end = outcome(DONE, "done", next_="nothing")
    result = {"outcome": end, "run": "r", "hash": "5d3f", "release": "v1", "journal": str(tmp_path / "none")}
    assert artifacts("plan_write", result)["plan"] == "5d3f"
    spec = yaml.safe_load((ROOT / "roles/preflight/meta/argument_specs.yml").read_text())
    for stage in ("status", "validate", "record", "report", "database_plan", "end"):
        assert not set(artifacts(stage, result)) & set(spec["argument_specs"]["main"]["options"])


def test_a_report_that_is_too_large_says_so(tmp_path: Path) -> None:
    (tmp_path / "incident.md").write_text("x" * 1_000_001)
    (tmp_path / "journal").write_text("{}\n")
    files = {"incident.md": str(tmp_path / "incident.md")}
    told = artifacts("report", {"run": "r", "files": files, "journal": str(tmp_path / "journal")})
    assert told["knowngood_report"] == "1000001 characters, more than an artifact may have"
    assert len(told["knowngood_journal"]) < 100


def test_a_run_is_archived_once_beside_others(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--bare", "--quiet", str(tmp_path / "git")], check=True)
    (tmp_path / "journal.jsonl").write_bytes(b'{"n": 1}\n\xc3\xa9')
    files = {"journal.jsonl": tmp_path / "journal.jsonl", "report/incident.md": tmp_path / "journal.jsonl"}
    for run in ("one", "two"):
        assert archive(str(tmp_path / "git"), "staging", run, files) == f"knowngood/staging/{run}"
    git = ["git", f"--git-dir={tmp_path / 'git'}"]
    shown = subprocess.run(
        [*git, "show", "knowngood/staging/one:report/incident.md"], capture_output=True, check=True
    )
    assert shown.stdout == b'{"n": 1}\n\xc3\xa9'
    # The same once more within the same second would be the very same commit, which is there.
    (tmp_path / "journal.jsonl").write_bytes(b'{"n": 2}')
    with pytest.raises(NotArchived, match="already"):
        archive(str(tmp_path / "git"), "staging", "one", files)


def test_an_archive_that_cannot_be_reached_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_text("{}\n")
    with pytest.raises(NotArchived) as caught:
        archive(
            "https://user:s3cret@127.0.0.1:9/ops.git", "staging", "one", {"j": tmp_path / "journal.jsonl"}
        )
    assert "s3cret" not in str(caught.value)
    assert "https://127.0.0.1:9/ops.git" in str(caught.value)
