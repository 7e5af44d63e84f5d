"""The job templates of awx/, run by ansible-runner as AWX runs them: nothing is left on the disk of a job."""

import base64
import gzip
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from plugins.module_utils.report.seal import verify_bytes
from tests.support.awx_job import Ended, described, imported, run_job
from tests.support.environment import Environment


def test_plan_approval_and_rollback_on_machines_that_keep_nothing(
    environment: Environment, tmp_path: Path
) -> None:
    """The ledger in Workers KV, the hash of the plan from job to job, report and journal as artifacts and in git."""
    token = environment.instance.api_token
    environ = environment.environ()
    del environ["KNOWNGOOD_RUNS"]
    namespace = environment.api("POST", "A/storage/kv/namespaces", {"title": "ledger"})["id"]
    subprocess.run(["git", "init", "--bare", "--quiet", str(tmp_path / "archive.git")], check=True)
    extra = {
        "ledger": {"backend": "kv", "namespace": namespace},
        "archive": {"repository": "{{ lookup('ansible.builtin.env', 'KNOWNGOOD_ARCHIVE_REPOSITORY') }}"},
        "require_evidence": False,
        "require_approval": {"code": True, "data_loss": True},
    }
    environ["KNOWNGOOD_ARCHIVE_REPOSITORY"] = str(tmp_path / "archive.git")
    inventory = imported("local", environ)
    assert "lookup(" in inventory["all"]["vars"]["runs_dir"]

    def job(name: str, answers: dict[str, Any]) -> Ended:
        folder = tmp_path / f"job-{len(list(tmp_path.glob('job-*')))}"
        ended = run_job(name, folder, inventory=inventory, answers=answers, environ=environ, extra=extra)
        assert token not in ended.output
        return ended

    # A question that nobody answered is an empty text.
    asked = described("job_templates.yml")
    answers = {
        asked["awx_questions"][name]["variable"]: asked["awx_questions"][name].get("default", "")
        for name in asked["awx_workflow_survey"]
    } | {"reason": "r3 throws"}
    alone = job("rollback as approved", answers)
    assert alone.code == 10
    assert re.search(r"REFUSED: .* not none as approved$", alone.output.rstrip())

    planned = job("plan", answers)
    assert planned.code == 0, planned.output
    assert set(planned.artifacts) == {"plan", "knowngood_run", "knowngood_outcome"}
    assert environment.live() == environment.versions("r3")

    # A job of a workflow gets the artifacts of those before it as variables.
    done = job("rollback as approved", {**answers, **planned.artifacts})
    assert done.code == 0, done.output
    assert environment.live() == environment.versions("r2")
    assert done.output.rstrip().splitlines()[-1].startswith("DONE: ")
    assert done.artifacts["knowngood_outcome"]["verdict"] == "DONE"
    assert "plan" not in done.artifacts
    assert done.artifacts["knowngood_report"].startswith("# ")
    journal = gzip.decompress(base64.b64decode(done.artifacts["knowngood_journal"]))
    verified = verify_bytes(journal)
    assert verified.closed and verified.bad is None
    events = [json.loads(line) for line in journal.splitlines()]
    goal = next(event for event in events if event["event"] == "goal")
    assert goal["approved_by"] == "an approver in AWX, workflow job 16"

    branch = f"knowngood/local/{done.artifacts['knowngood_run']}"
    assert done.artifacts["knowngood_archive"] == branch
    kept = subprocess.run(
        ["git", f"--git-dir={tmp_path / 'archive.git'}", "show", f"{branch}:journal.jsonl"],
        check=True,
        capture_output=True,
    )
    assert kept.stdout == journal
