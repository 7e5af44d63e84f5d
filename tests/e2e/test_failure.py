"""What goes wrong on the way: told apart, survived where it can be, never silently mixed (D2, D3, S4)."""

import time

import pytest

from tests.support.environment import PROJECT, WORKERS, Environment

AUTH = WORKERS["auth-worker"]
DEPLOYMENTS = f"/workers/scripts/{AUTH}/deployments"


def test_a_lost_answer_is_read_back(environment: Environment) -> None:
    """Every first write of each component takes effect, and its answer never arrives."""
    for path in (
        *(f"{script}/deployments" for script in WORKERS.values()),
        f"{PROJECT}/deployments/.*/rollback",
    ):
        environment.api.fault(
            {
                "kind": "reset",
                "phase": "after",
                "match": {"method": "POST", "path": path},
                "skip": 1,
                "count": 1,
            }
        )
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r2")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error", "status": 500, "count": 4},
        {"kind": "reset", "phase": "before", "count": 4},
        {"kind": "rate_limit", "lease_seconds": 2},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_passing_fault_is_survived(environment: Environment, fault: dict[str, object]) -> None:
    environment.api.fault({**fault, "match": {"path": "/accounts/"}})
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r2")


def test_a_set_that_did_not_move_whole_says_where_everything_stands(environment: Environment) -> None:
    match = {"method": "POST", "path": DEPLOYMENTS}
    # The first write puts the target into the deployment at 0 %, the second is the switch.
    environment.api.fault({"kind": "error", "status": 403, "code": 10000, "match": match, "skip": 1})
    run = environment.play("rollback.yml")
    assert run.code == 11, run.output
    assert run.last_line == "FAILED: the set is mixed: 5 of 6 components arrived"
    assert "auth-worker: still at r3" in run.output or "auth-worker: still at" in run.output
    assert "content-worker: at r2" in run.output
    assert "next     ansible-playbook rollback.yml -i local  (goes on from here)" in run.output
    environment.api.heal()
    again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")


def test_nothing_is_touched_when_not_everything_can_be_read(environment: Environment) -> None:
    environment.api.fault({"kind": "error", "status": 500, "match": {"path": DEPLOYMENTS}})
    before = environment.versions("r3")
    mark = environment.api.mark()
    run = environment.play("rollback.yml", "-e", "cloudflare_patience=1")
    assert run.code == 10, run.output
    assert "auth-worker: " in run.output
    assert environment.writes(mark) == []
    environment.api.heal()
    assert environment.live() == before


def test_a_deploy_in_between_is_not_overwritten(environment: Environment) -> None:
    """Somebody deploys r1 on auth after the plan was made, before the switch."""
    reads = {"method": "GET", "path": DEPLOYMENTS}
    environment.api.fault({"kind": "latency", "latency_ms": 2000, "match": reads, "skip": 1, "count": 1})
    mark = environment.api.mark()
    arguments = ("-e", "rehearse=false", "-e", "validate_seconds=1")
    process = environment.start("rollback.yml", *arguments)
    while sum(DEPLOYMENTS in call for call in environment.api.calls(mark, "knowngood")) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    old = environment.versions("r1")[AUTH]
    environment.api.deploy(AUTH, old, force=True)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 11, output
    assert "somebody deployed in the meantime" in output
    assert environment.live()[AUTH] == old


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-e", "cloudflare_api_token="), "local/group_vars/all.yml: cloudflare_api_token is empty"),
        (("-e", "worker_name="), "local/hosts.yml: auth-worker: worker_name is not set"),
        (("-e", '{"health": {"url": "https://x/health"}}'), "auth-worker: health.version must be declared"),
        (
            ("-e", "worker_name=no-such-worker", "--limit", "auth-worker"),
            "the account has no Worker named no-such-worker",
        ),
        (("-e", "cloudflare_transport=carrier-pigeon"), "carrier-pigeon"),
        (("-e", "cloudflare_account_id=0123456789abcdef0123456789abcdef"), "auth-worker: "),
    ],
)
def test_what_is_missing_is_named_before_anything_is_touched(
    environment: Environment, arguments: tuple[str, ...], said: str
) -> None:
    mark = environment.api.mark()
    run = environment.play("rollback.yml", *arguments)
    assert run.code == 10, run.output
    assert said in run.output
    assert "Traceback" not in run.output
    assert environment.writes(mark) == []
