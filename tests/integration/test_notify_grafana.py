"""Grafana is told of an incident as a region: begun when it opens, ended when it ends, without holding up the run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.module_utils.notify.declared import declared_notifications
from tests.support import receivers
from tests.support.notifying import Notifying, declared, eventually
from tests.support.receivers import HANG, Answer, Receiver, Request

TOKEN = "glsa_s3cret-of-a-service-account"


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Notifying]]:
    """Begins a run, and leaves none of its processes behind."""
    runs: list[Notifying] = []

    def make(notifications: dict[str, Any]) -> Notifying:
        runs.append(Notifying(tmp_path / "runs", declared(notifications)))
        return runs[-1]

    yield make
    for run in runs:
        run.clean()


def grafana(number: int, request: Request) -> Answer:
    """As Grafana's page on annotations says, for POST and for PATCH."""
    if request.method == "POST":
        return 200, {"message": "Annotation added", "id": 41 + number}, {}
    return 200, {"message": "Annotation patched"}, {}


def settings(receiver: Receiver, **more: Any) -> dict[str, Any]:
    return {"grafana": {"url": receiver.url, "token": TOKEN, "tags": ["shop"], **more}}


def test_an_incident_is_a_region(begin: Callable[[dict[str, Any]], Notifying]) -> None:
    with receivers.http(grafana) as server:
        run = begin(settings(server, dashboard="abc"))
        run.whole()
        eventually(lambda: not run.senders(), run.states)
    first, last = server.requests
    assert (first.method, first.path) == ("POST", "/api/annotations")
    assert first.headers["authorization"] == f"Bearer {TOKEN}"
    assert first.json["dashboardUID"] == "abc"
    assert first.json["tags"] == ["knowngood", "production", "opened", "shop"]
    assert (last.method, last.path) == ("PATCH", "/api/annotations/41")
    assert first.json["time"] <= last.json["timeEnd"] <= time.time() * 1000
    assert "resolved" in last.json["tags"]
    assert TOKEN not in run.journal.path.read_text()


def test_a_watch_takes_a_good_end_back(begin: Callable[[dict[str, Any]], Notifying]) -> None:
    with receivers.http(grafana) as server:
        run = begin(settings(server))
        run.stage("started")
        run.open()
        run.move()
        run.end()
        run.end(13, "the set is at r2, but it does not hold that it stays well")
        run.stage("finished")
        eventually(lambda: not run.senders(), run.states)
    assert [request.json["tags"][2] for request in server.requests] == ["opened", "resolved", "invalid"]
    assert server.requests[2].json["timeEnd"] >= server.requests[1].json["timeEnd"]


def test_a_grafana_that_hangs_does_not_hold_up_the_run(begin: Callable[[dict[str, Any]], Notifying]) -> None:
    with receivers.http(lambda number, request: HANG) as server:
        run = begin(settings(server))
        began = time.monotonic()
        run.stage("started")
        run.open()
        run.end()
        assert time.monotonic() - began < 2
        run.kill()


def test_what_is_not_declared_well_is_named() -> None:
    found = declared_notifications({"notifications": {"grafana": {"url": "http://g.test", "tags": "x"}}})
    assert found["channels"] == {}
    told = " ".join(found["problems"])
    assert "notifications.grafana: url must begin with https://" in told
    assert "token is not set" in told and "tags must be a list" in told
