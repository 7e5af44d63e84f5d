"""Any number of Workers on a local Cloudflare, each with two versions, for benchmarks of the switch."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.rest import Rest
from plugins.module_utils.concurrent import each
from plugins.module_utils.journal import Journal
from plugins.module_utils.redact import Redactor
from plugins.module_utils.release.plan import Move

CODE = "export default { fetch() { return new Response('{}') } }"


@contextmanager
def fleet(
    state: Path, size: int, *, latency_ms: int, budget: int
) -> Iterator[tuple[Instance, Rest, list[Move]]]:
    """``size`` Workers, and the moves from their newer version to their older one.

    ``budget`` is how many API calls it allows in 5 minutes, once they are made.
    """
    names = [f"worker-{number:03}" for number in range(size)]
    with start(state, budget=1_000_000) as instance:
        for made in each(lambda name: _two_versions(instance, name), names):
            if isinstance(made, Exception):
                raise made
    with start(state, latency_ms=latency_ms, budget=budget) as instance:
        journal = Journal(state, "bench", Redactor([instance.api_token]))
        rest = Rest(Client(instance.api_url, instance.api_token, instance.account_id, journal, patience=400))
        yield instance, rest, [_move(instance, name) for name in names]


def moves_back(instance: Instance, moves: list[Move]) -> None:
    """Put the newer versions into service again, so that the next run finds work."""
    for outcome in each(lambda move: _serve(instance, move.target, move.live[0][0]), moves):
        if isinstance(outcome, Exception):
            raise outcome


def _url(instance: Instance, name: str) -> str:
    return f"{instance.api_url}/accounts/{instance.account_id}/workers/scripts/{name}"


def _headers(instance: Instance) -> dict[str, str]:
    return {"authorization": f"Bearer {instance.api_token}"}


def _upload(instance: Instance, method: str, url: str, tag: str) -> None:
    metadata = {
        "main_module": "main.js",
        "compatibility_date": "2026-01-01",
        "annotations": {"workers/tag": tag},
    }
    files = {
        "metadata": (None, json.dumps(metadata), "application/json"),
        "main.js": ("main.js", f"{CODE} // {tag}", "application/javascript+module"),
    }
    requests.request(method, url, headers=_headers(instance), files=files, timeout=30).raise_for_status()


def _two_versions(instance: Instance, name: str) -> None:
    _upload(instance, "PUT", _url(instance, name), "r1")
    _upload(instance, "POST", f"{_url(instance, name)}/versions", "r2")
    _serve(instance, name, _versions(instance, name)[0])


def _versions(instance: Instance, name: str) -> list[str]:
    url = f"{_url(instance, name)}/versions?deployable=true"
    items = requests.get(url, headers=_headers(instance), timeout=30).json()["result"]["items"]
    return [item["id"] for item in items]


def _serve(instance: Instance, name: str, version: str) -> None:
    body = {"strategy": "percentage", "versions": [{"version_id": version, "percentage": 100}]}
    url = f"{_url(instance, name)}/deployments"
    requests.post(url, headers=_headers(instance), json=body, timeout=30).raise_for_status()


def _move(instance: Instance, name: str) -> Move:
    newer, older = _versions(instance, name)[:2]
    return Move(
        component=name,
        kind="worker",
        target=name,
        live=((newer, 100.0),),
        seen=datetime.now(UTC).isoformat(),
        from_label="r2",
        to_id=older,
        to_label="r1",
        to_created="",
        method="deployment at 100 %",
        why="",
        identity={},
    )
