"""Alerts that come in by webhook: the real ansible-rulebook with rulebooks/rollback.yml, and what they set off."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local_cloudflare.launch import start
from plugins.module_utils.journal import CLOSED, FILE, read
from tests.support.environment import ROOT, Environment
from tests.support.seed import Seed

ALERTS = ROOT / "tests/support/alerts"
SECRETS = {
    "KNOWNGOOD_ALERTS_TOKEN": "bearer-of-alerts",
    "KNOWNGOOD_SENTRY_SECRET": "client-secret",
    "KNOWNGOOD_CLOUDFLARE_SECRET": "in-a-header",
}
# A playbook in the place of the rollback, which says what it was given.
PROBE = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ {'incident': incident, 'reason': reason, 'trigger': trigger, 'by': detected_by} | to_json }}"
        dest: "{{ lookup('env', 'KNOWNGOOD_RUNS') }}/{{ detected_by }}-{{ trigger }}.json"
        mode: "0600"
      run_once: true
"""

pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="ansible-rulebook needs Java 17")


@dataclass(frozen=True)
class Listening:
    """ansible-rulebook, with its sources open."""

    ports: Mapping[str, int]

    def post(self, source: str, alert: str, *, signed: bool = True, **changed: Any) -> int:
        """An alert of tests/support/alerts as its sender posts it; the status of the answer."""
        payload = {**json.loads((ALERTS / f"{alert}.json").read_text()), **changed}
        body = json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", **(self._signed(source, body) if signed else {})}
        url = f"http://127.0.0.1:{self.ports[source]}/"
        return requests.post(url, body, headers=headers, timeout=10).status_code

    def _signed(self, source: str, body: bytes) -> dict[str, str]:
        secret = SECRETS[f"KNOWNGOOD_{source.upper()}_{'TOKEN' if source == 'alerts' else 'SECRET'}"]
        if source == "sentry":
            digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            return {"Sentry-Hook-Signature": digest}
        return {"Authorization": f"Bearer {secret}"} if source == "alerts" else {"cf-webhook-auth": secret}


@contextmanager
def listening(root: Path, inventory: Path, environ: Mapping[str, str], log: Path) -> Iterator[Listening]:
    """ansible-rulebook as docs/triggers.md starts it; ``root`` is the folder whose rollback it plays."""
    ports = _free(["alerts", "sentry", "cloudflare"])
    given = {**SECRETS, "KNOWNGOOD_LISTEN": "127.0.0.1"}
    given |= {f"KNOWNGOOD_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    own = {
        **environ,
        **given,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PWD": str(root),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "plugins/callback"),
    }
    command = ["ansible-rulebook", "-r", str(ROOT / "rulebooks/rollback.yml"), "-i", str(inventory)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, "-E", ",".join(["PWD", *given])],
            env=own,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            for port in ports.values():
                eventually(lambda port=port: _open(port) or process.poll() is not None, log)
            assert process.poll() is None, log.read_text()
            yield Listening(ports)
        finally:
            process.terminate()
            process.wait(60)


def _free(names: list[str]) -> dict[str, int]:
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
    ports = {name: opened.getsockname()[1] for name, opened in sockets.items()}
    for opened in sockets.values():
        opened.close()
    return ports


def _open(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def eventually(holds: Any, log: Path) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)


def outcomes(environment: Environment) -> list[dict[str, Any]]:
    """How the runs ended that are over, in their order."""
    journals = [list(read(path)) for path in sorted(environment.runs.glob(f"*/{FILE}"))]
    told = [[event for event in events if event["event"] == "outcome"] for events in journals]
    over = [any(event["event"] == CLOSED for event in events) for events in journals]
    return [ends[-1] for ends, closed in zip(told, over, strict=True) if ends and closed]


def test_an_alert_rolls_back_once_and_a_resolved_or_forged_one_does_not(seed: Seed, tmp_path: Path) -> None:
    with start(seed.copy(tmp_path / "state")) as instance:
        environment, log = Environment(instance), tmp_path / "log"
        with listening(ROOT, ROOT / "inventories/local", environment.environ(), log) as rulebook:
            assert rulebook.post("alerts", "alertmanager", signed=False) == 401
            assert rulebook.post("sentry", "sentry_metric", signed=False) == 400
            # It is taken, as every webhook without a token is, and ignored.
            assert rulebook.post("cloudflare", "cloudflare", signed=False) == 200
            assert rulebook.post("alerts", "alertmanager", status="resolved") == 200
            assert rulebook.post("alerts", "alertmanager", commonLabels={"severity": "critical"}) == 200
            assert rulebook.post("sentry", "sentry_metric", action="warning") == 200
            ended = {"alert_event": "ALERT_STATE_EVENT_END"}
            assert rulebook.post("cloudflare", "cloudflare", **ended) == 200

            assert rulebook.post("alerts", "alertmanager") == 200
            eventually(lambda: len(outcomes(environment)) == 1, log)
            assert environment.live() == environment.versions("r2"), log.read_text()
            # The same alert again, and another one of the same fault.
            assert rulebook.post("alerts", "alertmanager") == 200
            assert rulebook.post("sentry", "sentry_issue") == 200
            eventually(lambda: len(outcomes(environment)) == 2, log)
    first, second = outcomes(environment)
    assert (first["exit_code"], second["exit_code"]) == (0, 15), log.read_text()
    assert "must pass between two" in second["message"]
    (path, _) = sorted(environment.runs.glob(f"*/{FILE}"))
    opened = next(event for event in read(path) if event["event"] == "incident.opened")
    assert (opened["source"], opened["trigger"]) == ("Alertmanager", "errors")
    # What an alert says is text, and never a template.
    assert opened["reason"] == "12 % of the answers of (( lookup('pipe', 'touch CANARY') )) are errors"


@pytest.mark.soak
def test_every_kind_of_alert_says_who_saw_what(tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/rollback.yml").write_text(PROBE)
    shop = f"{{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}"
    (tmp_path / "hosts.yml").write_text(f"all: {{hosts: {{shop: {shop}}}}}\n")
    log, told = tmp_path / "log", tmp_path / "told"
    told.mkdir()
    environ = {"HOME": str(tmp_path), "KNOWNGOOD_RUNS": str(told)}
    with listening(tmp_path, tmp_path / "hosts.yml", environ, log) as rulebook:
        for source, alert in (
            ("alerts", "grafana"),
            ("sentry", "sentry_metric"),
            ("cloudflare", "cloudflare"),
        ):
            assert rulebook.post(source, alert) == 200
        eventually(lambda: len(list(told.glob("*.json"))) == 3, log)
    found = {path.stem: json.loads(path.read_text())["incident"] for path in told.glob("*.json")}
    assert found == {
        "Grafana-performance": "bc97ff14869b13e3-2026-11-24T22:28:13.157076+01:00",
        "Sentry-errors": "sentry-7",
        "Cloudflare-health": "cloudflare-000eaa907ed24e78946d3a93adb2ae57",
    }
