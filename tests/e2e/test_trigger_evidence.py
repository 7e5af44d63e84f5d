"""What a person says is asked after, and the rollback goes its way whatever comes of it (S23-S27)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from plugins.module_utils.probe.connect import Connector
from tests.support.environment import WORKERS, Environment, Run
from tests.support.receivers import silent

PARTY = "payments.mustbeviral.com"
HEALTH = {
    "url": f"https://{PARTY}/health",
    "version": {"unknown": "not ours"},
    "fresh": {"unknown": "not ours"},
}
SETTINGS = {"third_parties": [{"name": "payments", "health": HEALTH}]}


@pytest.fixture
def environment(shared: Environment) -> Iterator[Environment]:
    """r3 is live and throws, r2 is the way back."""
    shared.serve("r3")
    yield shared
    shared.api.heal()
    requests.delete(f"{shared.instance.admin_url}/edge/faults", timeout=5)


def provider(environment: Environment) -> None:
    """The payment provider: what the application needs, somebody else runs, and no release of it changes."""
    environment.api.upload("payments", "paid", first=True)
    zone = environment.instance.zones["mustbeviral.com"]
    environment.api("POST", f"/zones/{zone}/workers/routes", {"pattern": f"{PARTY}/*", "script": "payments"})


def rolled_back(environment: Environment, trigger: str, settings: dict[str, Any], *more: str) -> Run:
    told = ("-e", f"trigger={trigger}", "-e", "reason='users say so'", "-e", json.dumps(settings))
    return environment.play("rollback.yml", *told, *more)


def evidence(run: Run) -> dict[tuple[str, str], tuple[str, str]]:
    told = [event for event in run.events if event["event"] == "trigger.evidence"]
    return {(event["component"], event["check"]): (event["verdict"], event["detail"]) for event in told}


def found(run: Run) -> dict[str, str]:
    told = [event for event in run.events if event["event"] == "trigger.finding"]
    return {event["says"]: event["helps"] for event in told}


def seconds(run: Run, stage: str) -> float:
    [end] = [event for event in run.events if event["event"] == "stage.end" and event["stage"] == stage]
    return float(end["seconds"])


def report(run: Run, form: str) -> str:
    assert run.journal is not None
    return (run.journal.parent / "report" / f"incident.{form}").read_text()


def test_a_provider_that_is_well_and_one_that_hangs(environment: Environment) -> None:
    """S25: with payments failing, it is told whether it is the provider's doing, and then the rollback goes on."""
    provider(environment)
    run = rolled_back(environment, "payments", SETTINGS)
    assert run.code == 0, run.output
    assert environment.live() == environment.versions("r2")
    told = evidence(run)
    assert told["payments", "health"] == ("pass", "it keeps its health contract")
    assert told["auth-worker", "health"][0] == "fail"
    assert found(run)["payments is well as seen from here: the fault is more likely ours"] == "maybe"
    assert "finding: payments is well as seen from here" in run.output
    assert "payments is well as seen from here" in report(run, "txt")
    assert '<section id="evidence"' in report(run, "html") and "## Evidence" in report(run, "md")
    assert json.loads(report(run, "json"))["external"] == "HEALTHY"

    environment.serve("r3")
    fault = {"kind": "timeout", "match": {"host": f"^{PARTY}$"}, "lease_seconds": 60}
    url = f"{environment.instance.admin_url}/edge/faults"
    assert requests.post(url, json=fault, timeout=5).status_code == 201
    with silent() as port:
        # Nor does the service that counts failed payments say a word.
        source = {"name": "failed payments", "url": f"http://127.0.0.1:{port}", "value": "failed", "max": 0}
        signals = {"signals": {"json": [source]}}
        hung = rolled_back(environment, "payments", {**SETTINGS, **signals, "plan_evidence_seconds": 1})
    assert hung.code == 0, hung.output
    assert environment.live() == environment.versions("r2")
    silence = ("inconclusive", "could not be asked: no answer in 1 s")
    assert evidence(hung)["payments", "health"] == silence
    assert evidence(hung)["local", "json failed payments"] == silence
    assert found(hung)["it is not known whether payments is down"] == "unknown"
    assert json.loads(report(hung, "json"))["external"] == "UNKNOWN"
    # One deadline for all of it, and not one after the other.
    assert seconds(hung, "plan") < 1.9


def test_a_database_that_answers_and_one_that_is_away(environment: Environment) -> None:
    """S24: whether it is the database, or what serves that lost it."""
    run = rolled_back(environment, "database", {}, "--check")
    assert run.code == 0, run.output
    assert evidence(run)["content-db", "reachable"] == ("pass", "it answers")
    assert list(found(run).values()) == ["maybe"]

    before = environment.live()
    queries = {"path": "/d1/database/[^/]+/query"}
    environment.api.fault(
        {"kind": "error", "status": 503, "code": 7500, "match": queries, "lease_seconds": 120}
    )
    away = rolled_back(environment, "database", {"cloudflare_patience": 1})
    assert away.code == 10, away.output
    assert environment.live() == before
    assert found(away)["content-db does not answer, and older code would not reach it either"] == "no"
    assert "finding: content-db does not answer" in away.output
    assert "- Database: DOWN" in report(away, "txt")
    # Whoever wants the code back all the same leaves the database out.
    alone = rolled_back(environment, "database", {}, "--limit", "workers:pages")
    assert environment.live() == environment.versions("r2"), alone.output
    assert list(found(alone).values()) == ["unknown", "maybe"]


def test_errors_are_counted_by_version(environment: Environment) -> None:
    """S27: so many of what serves, so many of the target."""
    visitor = Connector(connect_to=environment.instance.edge, ca_file=environment.instance.ca_file)
    for _ in range(30):
        visitor.get("https://auth.mustbeviral.com/health")
    run = rolled_back(environment, "errors", {"signals": {"cloudflare": {"max": 0.01, "min_requests": 20}}})
    assert run.code == 0, run.output
    auth = next(line for line in found(run) if line.startswith("auth-worker: "))
    assert "to r3 (" in auth and "which serves, failed" in auth
    assert evidence(run)["auth-worker", "cloudflare analytics"][0] == "fail"
    told = json.loads(report(run, "json"))
    assert any(line.startswith("auth-worker: ") and "to it failed" in line for line in told["impact"])


def test_a_security_incident_shows_what_protects(environment: Environment) -> None:
    """S26: the floor, the headers of what serves against those recorded, and the code that is kept."""
    run = rolled_back(environment, "security", {})
    assert run.code == 0, run.output
    assert any("no floor is set" in says for says in found(run))
    assert evidence(run)["auth-worker", "tls"][0] == "pass"
    assert run.journal is not None
    assert (
        run.journal.parent / "held" / "auth-worker" / environment.versions("r3")[WORKERS["auth-worker"]]
    ).is_dir()
