"""Validation through ``ansible-playbook``: from several places, with its page, and what it leaves in the ledger."""

from __future__ import annotations

import json

from local_cloudflare.launch import Instance
from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.outcome import REFUSED
from tests.support.environment import Environment
from tests.support.proxies import proxying

PLAIN = ("--limit", "workers:pages", "-e", json.dumps({"flows": {}}))


def recorded(environment: Environment) -> dict[str, list[str]]:
    """The security headers that the evidence of r2 names."""
    ledger = Ledger(Directory(str(environment.instance.state / "ledger" / "local")), by="a test")
    found = ledger.view().release("r2")
    assert found is not None and found.evidence is not None
    return dict(found.evidence.headers)


def test_a_rollback_is_proved_from_every_place(environment: Environment, seeded: Instance) -> None:
    edge = int(seeded.edge.rpartition(":")[2])
    with proxying("socks5", {seeded.edge.rpartition(":")[0]: edge}) as proxy:
        places = [{"name": "fra", "proxy": f"socks5://{proxy.address}"}]
        run = environment.play("rollback.yml", *PLAIN, "-e", json.dumps({"vantage_points": places}))
    assert run.code == 0, run.output
    assert "6 of 6 components checked from 2 places" in run.last_line
    assert len(proxy.asked) == 6
    assert run.journal is not None
    # Read from the terminal as a person would.
    (page,) = [line.split()[1] for line in run.output.splitlines() if line.startswith("checks   ")]
    assert page.endswith(f"{run.journal.parent.name}/validation.html")
    assert "<h1>local works</h1>" in (run.journal.parent / "validation.html").read_text()
    told = json.loads((run.journal.parent / "validation.json").read_text())
    found = {(check["component"], check["check"]): check for check in told["checks"]}
    assert told["verdict"] == "pass"
    assert found["site", "headers"]["detail"] == "6 in force, as before"
    assert found["site", "tls"]["detail"].endswith("the same certificate as before")
    assert found["auth-worker", "health from fra"]["verdict"] == "pass"
    # What is in force now is what the next rollback to this release is held against.
    assert "Content-Security-Policy" in recorded(environment)["site"]

    places = [{"name": "fra", "proxy": "ftp://me:canary-pass@fra.example.test"}]
    run = environment.play("rollback.yml", *PLAIN, "-e", json.dumps({"vantage_points": places}))
    assert run.code == REFUSED
    assert "local/group_vars/all.yml: vantage_points[0].proxy must be the address of a proxy" in run.output
    assert "canary-pass" not in run.output
