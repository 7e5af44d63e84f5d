"""`awx.yml` with the real modules of awx.awx: everything is there after one run, and a second one changes nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.awx import TOKEN, Awx, running
from tests.support.environment import ROOT

COLLECTION = ROOT / ".ansible" / "collections" / "ansible_collections" / "awx" / "awx"
SECRETS = ("canary-token", "canary-key", "canary-hook")
SETTINGS: dict[str, Any] = {
    "awx_project": {"url": "https://git.example.net/known-good.git", "branch": "main"},
    "awx_image": {"name": "registry.example.net/known-good:1", "pull": "missing"},
    "awx_notifications": [
        {
            "name": "status page",
            "type": "webhook",
            "configuration": {"url": "https://status.example.net/", "headers": {}, "password": "canary-hook"},
            "told": ["error", "approvals"],
        }
    ],
    "awx_environments": [
        {
            "name": "staging",
            "ledger": {"backend": "kv", "namespace": "0123"},
            "validate_daily": "DTSTART;TZID=UTC:20260101T043000 RRULE:FREQ=DAILY;INTERVAL=1",
            "drill_monthly": "DTSTART;TZID=UTC:20260101T093000 RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=+1TU",
            "credentials": {
                "cloudflare": {"account_id": "acc", "api_token": "canary-token"},
                "signing_key": {"key": "canary-key"},
            },
        }
    ],
}

pytestmark = [
    # 33 modules a run, each a Python of its own: a minute of a processor.
    pytest.mark.soak,
    pytest.mark.skipif(not COLLECTION.is_dir(), reason="awx.awx is not installed: make collection"),
]


def apply(
    awx: Awx, settings: dict[str, Any], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    given = folder / "settings.json"
    given.write_text(json.dumps(settings))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "awx.yml", "-e", f"@{given}", *arguments],
        cwd=ROOT,
        env={
            **os.environ,
            "CONTROLLER_HOST": awx.url,
            "CONTROLLER_OAUTH_TOKEN": TOKEN,
            "KNOWNGOOD_RUNS": str(folder / "runs"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("awx")


@pytest.fixture(scope="module")
def awx(folder: Path) -> Iterator[Awx]:
    """After one run."""
    with running({path.name for path in ROOT.glob("*.yml")}) as awx:
        looked = apply(awx, SETTINGS, folder, "--check")
        assert looked.returncode == 0, looked.stdout + looked.stderr
        assert "Execution environment and what follows cannot be looked at" in looked.stdout.splitlines()[-1]
        assert awx.writes == []
        done = apply(awx, SETTINGS, folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.splitlines()[-1].startswith("DONE: "), done.stdout
        assert not any(secret in done.stdout + done.stderr for secret in SECRETS)
        yield awx


def test_there_is_a_job_template_for_every_task_of_the_runbook(awx: Awx) -> None:
    wanted = {
        "status",
        "validate",
        "record",
        "plan",
        "rollback",
        "rollback as approved",
        "undo",
        "unfreeze",
        "drill",
    }
    assert awx.names("job_templates") == {f"staging {name}" for name in wanted}
    credentials = {item["id"] for item in awx.objects["credentials"]}
    for template in awx.objects["job_templates"]:
        assert set(awx.linked(template, "credentials")) == credentials
        assert template["execution_environment"] == awx.named("execution_environments", "Known Good")["id"]
        assert not template["ask_variables_on_launch"]
        assert json.loads(template["extra_vars"])["ledger"]["backend"] == "kv"
    told = awx.named("notification_templates", "status page")["id"]
    assert awx.linked(awx.named("job_templates", "staging rollback"), "notification_templates_error") == [
        told
    ]


def test_the_workflow_lets_nobody_name_another_plan(awx: Awx) -> None:
    workflow = awx.named("workflow_job_templates", "staging rollback with approval")
    nodes = {item["identifier"]: item for item in awx.objects["workflow_job_template_nodes"]}
    assert awx.linked(nodes["plan"], "success_nodes") == [nodes["approval"]["id"]]
    assert awx.linked(nodes["approval"], "success_nodes") == [nodes["rollback"]["id"]]
    last = awx.named("job_templates", "staging rollback as approved")
    assert nodes["rollback"]["unified_job_template"] == last["id"]
    assert not workflow["ask_variables_on_launch"]
    assert "plan" not in {question["variable"] for question in awx.survey(workflow)}
    operators = awx.named("teams", "Known Good operators")["id"]
    execute = last["summary_fields"]["object_roles"]["execute_role"]["id"]
    assert operators not in awx.links.get(f"/api/v2/roles/{execute}/teams/", [])
    approvers = awx.named("teams", "Known Good approvers")["id"]
    approve = workflow["summary_fields"]["object_roles"]["approval_role"]["id"]
    assert awx.links[f"/api/v2/roles/{approve}/teams/"] == [approvers]
    assert awx.named("workflow_approval_templates", "staging rollback as planned")["timeout"] == 1800


def test_schedules_drill_monthly_validate_daily_and_look_for_changes(awx: Awx) -> None:
    assert awx.names("schedules") == {
        "Known Good: playbooks",
        "staging: inventory",
        "staging: validation",
        "staging: drill",
    }
    assert awx.named("schedules", "staging: validation")["job_tags"] == "full"
    assert awx.named("schedules", "staging: drill")["extra_data"] == {"scenarios": "short"}


def test_a_second_run_changes_nothing(awx: Awx, folder: Path) -> None:
    before = len(awx.writes)
    done = apply(awx, SETTINGS, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert awx.writes[before:] == []


def test_a_check_looks_at_everything_and_writes_nothing(awx: Awx, folder: Path) -> None:
    before = len(awx.writes)
    renamed = {**SETTINGS, "awx_image": {**SETTINGS["awx_image"], "pull": "always"}}
    looked = apply(awx, renamed, folder, "--check")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert looked.stdout.splitlines()[-1] == (
        "DONE: only a check, nothing was changed: AWX could be made what awx/ says, for staging"
    )
    assert awx.named("execution_environments", "Known Good")["pull"] == "missing"
    # What is missing behind a loop, whose secrets are not shown.
    types = awx.objects["credential_types"]
    types.remove(awx.named("credential_types", "Signing key of journals (Known Good)"))
    looked = apply(awx, SETTINGS, folder, "--check")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "Credentials and what follows cannot be looked at" in looked.stdout.splitlines()[-1]
    assert not any(secret in looked.stdout + looked.stderr for secret in SECRETS)
    assert awx.writes[before:] == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "awx/settings.yml: awx_project.url is empty"),
        (
            {"awx_environments": [{**SETTINGS["awx_environments"][0], "credentials": {"cloudfare": {}}}]},
            "awx/credential_types.yml has no cloudfare",
        ),
        (
            {
                "awx_environments": [
                    {**SETTINGS["awx_environments"][0], "credentials": {"postgres": {"dsn": ""}}}
                ]
            },
            "awx/settings.yml: staging: credentials.postgres.dsn is empty",
        ),
    ],
    ids=["empty", "unknown_credential", "no_secret"],
)
def test_settings_that_are_not_complete_are_refused(
    settings: dict[str, Any], told: str, awx: Awx, folder: Path
) -> None:
    before = len(awx.writes)
    done = apply(awx, settings, folder)
    assert done.returncode == 10
    assert told in done.stdout
    assert len(awx.writes) == before
