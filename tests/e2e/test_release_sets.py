"""Release sets: by evidence, never a condemned one, as approved, and one run at a time (issue 5; S4, S26, S122)."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.ledger import Ledger
from tests.support.environment import PROJECT, ROOT, WORKERS, Environment

AUTH = WORKERS["auth-worker"]
KNOWNGOOD = str(Path(sys.executable).with_name("knowngood"))


def ledger_of(environment: Environment) -> Ledger:
    declared = {"backend": "directory", "path": str(environment.instance.state / "ledger" / "local")}
    return Ledger(open_backend(declared, lambda: pytest.fail("no client is needed")), by="a test")


def knowngood(environment: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KNOWNGOOD, *arguments],
        cwd=ROOT,
        env=environment.environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_rollback_is_written_down_and_what_it_left_never_comes_back(environment: Environment) -> None:
    run = environment.play("rollback.yml", "-e", "reason='r3 throws'")
    assert run.code == 0, run.output
    known = ledger_of(environment).view()
    condemned = known.condemned_release("r3")
    assert condemned is not None
    assert (condemned.reason, condemned.run) == ("r3 throws", run.events[0]["run"])
    [goal] = known.goals.values()
    assert goal.end is not None
    assert (goal.end["exit_code"], goal.end["at_target"]) == (0, True)
    evidence = known.release("r2")
    assert evidence is not None
    assert evidence.evidence is not None
    assert (evidence.evidence.verdict, evidence.evidence.run) == ("pass", run.events[0]["run"])

    back = environment.play("rollback.yml", "-e", "release=r3", "-e", "rehearse=false")
    assert back.code == 10, back.output
    assert "condemned: r3 throws" in back.last_line

    environment.serve("r3")
    again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")

    cleared = environment.play("ledger.yml", "-e", "clear=r3", "-e", "reason='it was the network'")
    assert cleared.code == 0, cleared.output
    forced = environment.play(
        "rollback.yml", "-e", "release=r3", "-e", "rehearse=false", "-e", "validate_seconds=1"
    )
    assert environment.live() == environment.versions("r3"), forced.output


def test_without_evidence_a_person_has_to_say_so(environment: Environment) -> None:
    before = environment.live()
    (environment.instance.state / "ledger" / "local" / "ledger.jsonl").unlink()
    run = environment.play("rollback.yml")
    assert run.code == 10, run.output
    assert "the newest that is whole is r2, and nobody recorded that it works" in run.last_line
    assert "next     ansible-playbook rollback.yml -i local -e require_evidence=false" in run.output
    assert environment.live() == before
    imported = environment.play("ledger.yml", "-e", "import_history=true")
    assert "3 whole releases were imported, without evidence: r1, r2, r3" in imported.last_line
    assert environment.play("rollback.yml").code == 10
    run = environment.play("rollback.yml", "-e", "require_evidence=false")
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r2")
    # It was validated now.
    assert "pass (quick)" in environment.play("ledger.yml").output


def test_exactly_the_plan_that_was_approved(environment: Environment) -> None:
    needed = ("-e", '{"require_approval": {"code": true}}')
    refused = environment.play("rollback.yml", *needed)
    assert refused.code == 10, refused.output
    assert "moving code needs an approval; not given: plan, approved_by, reason" in refused.last_line
    planned = environment.play("plan.yml", *needed)
    assert planned.code == 0, planned.output
    hash_ = planned.last_line.split()[2].rstrip(":")
    assert f"-e plan={hash_} -e approved_by=<who> -e reason='<why>'" in planned.output
    approval = ("-e", f"plan={hash_}", "-e", "approved_by=mia", "-e", "reason='r3 throws'")

    # The world moves between the approval and the run.
    old = environment.versions("r1")[AUTH]
    environment.api.deploy(AUTH, old, force=True)
    moved = environment.play("rollback.yml", *needed, *approval)
    assert moved.code == 10, moved.output
    assert f"not {hash_} as approved" in moved.last_line
    assert planned.journal is not None
    file = planned.journal.with_name("plan.json")
    moved = environment.play("rollback.yml", *needed, *approval[2:], "-e", f"plan={file}")
    assert "auth-worker: r1 " in moved.output and "served then" in moved.output, moved.output

    environment.serve("r3")
    done = environment.play("rollback.yml", *needed, *approval)
    assert done.code == 0, done.output
    assert environment.live() == environment.versions("r2")
    goal = next(event for event in done.events if event["event"] == "goal")
    assert (goal["hash"], goal["approved_by"], goal["reason"]) == (hash_, "mia", "r3 throws")


def test_an_emergency_needs_no_approval_and_is_loud(environment: Environment) -> None:
    run = environment.play(
        "rollback.yml", "-e", '{"require_approval": {"code": true}}', "-e", "emergency='users lose money'"
    )
    assert run.code == 0, run.output
    assert "EMERGENCY, without an approval: users lose money" in run.output
    assert next(iter(ledger_of(environment).view().goals.values())).body["emergency"] == "users lose money"


def test_a_run_that_was_killed_is_resumed_and_closed(environment: Environment) -> None:
    environment.api.fault(
        {
            "kind": "error",
            "status": 403,
            "code": 10000,
            "skip": 1,
            "match": {"method": "POST", "path": f"/{AUTH}/deployments"},
        }
    )
    first = environment.play("rollback.yml")
    assert first.code == 11, first.output
    environment.api.heal()
    run = first.events[0]["run"]
    resumed = environment.play("rollback.yml", "-e", f"resume={run}")
    assert resumed.code == 0, resumed.output
    assert environment.live() == environment.versions("r2")
    assert "no run nonsense" in environment.play("rollback.yml", "-e", "resume=nonsense").last_line


def test_the_old_set_serves_again_where_that_is_the_policy(environment: Environment) -> None:
    before = environment.live()
    environment.api.fault(
        {
            "kind": "error",
            "status": 403,
            "code": 10000,
            "skip": 1,
            "match": {"method": "POST", "path": f"/{AUTH}/deployments"},
        }
    )
    run = environment.play("rollback.yml", "-e", "on_partial=restore")
    assert run.code == 14, run.output
    assert run.last_line == "NOT ROLLED BACK: auth-worker did not arrive, so the old set serves again, whole"
    assert environment.live() == before
    assert ledger_of(environment).view().condemned_release("r3") is None


def test_a_deploy_and_a_rollback_keep_away_from_each_other(environment: Environment, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    deploying = subprocess.Popen(
        [KNOWNGOOD, "lock", "-i", "local", "--", sys.executable, "-c",
         f"import pathlib, time; pathlib.Path({str(ready)!r}).touch(); time.sleep(60)"],
        cwd=ROOT, env=environment.environ(), text=True, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        while not ready.exists():
            assert deploying.poll() is None, deploying.stderr and deploying.stderr.read()
            time.sleep(0.05)
        refused = environment.play("rollback.yml")
        assert refused.code == 10, refused.output
        assert "a deploy of" in refused.last_line
        assert "break_lock=" in refused.output
        broken = environment.play("rollback.yml", "-e", "break_lock='that deploy hangs'")
        assert broken.code == 0, broken.output
    finally:
        deploying.terminate()
        deploying.wait()
    frozen = knowngood(environment, "lock", "-i", "local", "--", "true")
    assert (frozen.returncode, "is frozen" in frozen.stderr) == (10, True), frozen.stderr
    assert knowngood(environment, "frozen", "-i", "local").returncode == 10
    despite = knowngood(
        environment, "lock", "-i", "local", "--despite-freeze", "the fix", "--", "sh", "-c", "exit 3"
    )
    assert despite.returncode == 3
    assert environment.play("unfreeze.yml", "-e", "reason='the fix is in'").code == 0
    assert knowngood(environment, "frozen", "-i", "local").returncode == 0
    assert knowngood(environment, "lock", "-i", "local", "--", "true").returncode == 0


def test_a_second_rollback_joins_the_first(environment: Environment) -> None:
    slow = {
        "kind": "latency",
        "latency_ms": 1500,
        "match": {"method": "POST", "path": f"/{AUTH}/deployments"},
        "count": 1,
    }
    environment.api.fault(slow)
    first = environment.start("rollback.yml")
    second = environment.start("rollback.yml")
    outputs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert sum("nothing to do" in output for output in outputs) == 1, outputs
    assert sum("waiting: a rollback of" in output for output in outputs) == 1, outputs
    assert environment.live() == environment.versions("r2")


def test_an_automatic_run_needs_a_reason(environment: Environment) -> None:
    automatic = ("-e", "automatic=true", "-e", "incident=I-1")
    run = environment.play("rollback.yml", *automatic)
    assert run.code == 0, run.output
    environment.serve("r3")
    again = environment.play("rollback.yml", *automatic)
    assert again.code == 15, again.output
    assert "incident I-1 has had its 1 automatic rollback(s)" in again.last_line
    cooling = environment.play("rollback.yml", "-e", "automatic=true", "-e", "incident=I-2")
    assert (cooling.code, "must pass between two" in cooling.last_line) == (15, True), cooling.output
    environment.serve("r2")
    settings = ("-e", "decide_cooldown=0", "-e", "automatic=true", "-e", "incident=I-3")
    unchanged = environment.play("rollback.yml", *settings)
    assert unchanged.code == 15, unchanged.output
    assert "every component serves r2, which is known to be good" in unchanged.last_line
    environment.serve("r3")
    party = {
        "name": "payments",
        "health": {
            "url": f"http://{environment.instance.edge.split(':')[0]}:9/health",
            "version": {"unknown": "not ours"},
            "fresh": {"unknown": "not ours"},
        },
    }
    mark = environment.api.mark()
    down = environment.play(
        "rollback.yml", *settings, "-e", json.dumps({"third_parties": [party], "decide_seconds": 1})
    )
    assert down.code == 15, down.output
    assert "payments is not well, which is not ours to roll back" in down.last_line
    assert environment.writes(mark) == []


def test_what_a_rollback_does_not_take_back_is_said_and_put_back_by_option(environment: Environment) -> None:
    crons = f"A/workers/scripts/{AUTH}/schedules"
    before = environment.api("GET", crons)["schedules"]
    environment.api("PUT", crons, [{"cron": "7 7 * * *"}])
    told = environment.play("rollback.yml", "--check", "--diff")
    assert "auth-worker: cron 7 7 * * * is new" in told.output, told.output
    run = environment.play("rollback.yml", "-e", '{"put_back": ["cron"]}')
    assert run.code == 0, run.output
    assert "auth-worker: cron put back as recorded" in run.output
    after = environment.api("GET", crons)["schedules"]
    assert [each["cron"] for each in after] == [each["cron"] for each in before]


def test_after_a_security_incident_the_hole_stays_shut_and_the_code_is_held(environment: Environment) -> None:
    refused = environment.play("rollback.yml", "-e", "security=true")
    assert refused.code == 10
    assert "-e security=true needs -e not_older_than" in refused.output
    too_old = environment.play("rollback.yml", "-e", "security=true", "-e", "not_older_than=r3")
    assert too_old.code == 10
    assert "older than the floor" in too_old.output
    run = environment.play("rollback.yml", "-e", "security=true", "-e", "not_older_than=r2")
    assert run.code == 0, run.output
    assert run.journal is not None
    bad = environment.versions("r3")
    held = run.journal.parent / "held"
    assert (held / "auth-worker" / bad[AUTH] / "version.json").is_file()
    assert list((held / "auth-worker" / bad[AUTH] / "code").iterdir())
    assert (held / "site" / bad[PROJECT] / "deployment.json").is_file()


def test_only_a_whole_release_that_works_is_recorded_as_good(environment: Environment) -> None:
    bad = environment.play("record.yml", "-e", "validate_seconds=1")
    assert bad.code == 13, bad.output
    recorded = ledger_of(environment).view().release("r3")
    assert recorded is not None
    assert recorded.evidence is not None
    assert recorded.evidence.verdict == "fail"
    environment.serve("r2")
    part = environment.play("record.yml", "--limit", "auth-worker")
    assert part.code == 10, part.output
    assert "a release is the whole set" in part.last_line


def test_wrangler_goes_back_to_the_bad_release_and_we_do_not(environment: Environment) -> None:
    """The side-by-side of issue 5: twice the same command."""
    for _ in range(2):
        done = subprocess.run(
            [
                str(ROOT / "node_modules" / ".bin" / "wrangler"),
                "rollback",
                "--name",
                AUTH,
                "--yes",
                "--message",
                "back",
            ],
            env={
                **environment.environ(),
                "CLOUDFLARE_API_TOKEN": environment.instance.api_token,
                "CLOUDFLARE_ACCOUNT_ID": environment.instance.account_id,
                "CLOUDFLARE_API_BASE_URL": environment.instance.api_url,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert environment.live()[AUTH] == environment.versions("r3")[AUTH]
    for _ in range(2):
        assert environment.play("rollback.yml").code == 0
        assert environment.live() == environment.versions("r2")


def test_the_ledger_can_be_in_workers_kv(environment: Environment) -> None:
    """For runners that keep no disk."""
    namespace = environment.api("POST", "A/storage/kv/namespaces", {"title": "ledger"})["id"]
    kv = ("-e", json.dumps({"ledger": {"backend": "kv", "namespace": namespace}}))
    environment.serve("r2")
    recorded = environment.play("record.yml", *kv)
    assert recorded.code == 0, recorded.output
    environment.serve("r3")
    run = environment.play("rollback.yml", *kv)
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r2")
    shown = environment.play("ledger.yml", *kv, "-e", "verify=true")
    assert "the ledger is whole" in shown.last_line, shown.output
