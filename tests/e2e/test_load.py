"""A rollback under load: the switch refuses nobody, and nobody meets the bad release after it."""

import contextlib
import json
import time
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed

from tests.support import edge
from tests.support.environment import Environment, Run
from tests.support.load import Asked, Load
from tests.support.sample_app import deploy_script

# Most paths say which release's code answers; /health is where the bad one shows that it is bad.
URLS = [
    *(f"https://{name}.mustbeviral.com/health" for name in ("auth", "content", "analytics", "api", "ws")),
    *(f"https://{name}.mustbeviral.com/api/version" for name in ("auth", "content", "api")),
    "https://ws.mustbeviral.com/ws/load",
    "https://mustbeviral.com/version.json",
    "https://www.mustbeviral.com/version.json",
]
ROOM = "wss://ws.mustbeviral.com/ws/talk"
BAD, GOOD = "r4", "r2"


def release_of(asked: Asked) -> str | None:
    """The release that gave an answer, or None when it is no answer of any release."""
    if asked.status != 200:
        return None
    if asked.url == "https://content.mustbeviral.com/health" and b"<p>release r4</p>" in asked.body:
        return BAD
    said: dict[str, str] = json.loads(asked.body)
    if not asked.url.endswith("/health"):
        return said.get("release") or said.get("version")
    return {"error": BAD, "healthy": GOOD, "ok": GOOD}.get(said["status"])


def say(room: edge.WebSocket, text: str) -> dict[str, object]:
    room.send(text)
    answer: dict[str, object] = json.loads(room.recv(timeout=10))
    return answer


@pytest.fixture
def bad(environment: Environment) -> Environment:
    """r4 is live and answers 200 with a wrong body; r3 was rolled back from, so r2 is the way back."""
    instance = environment.instance
    environment.serve(GOOD)
    target = deploy_script.Target(instance.api_url, instance.api_token, instance.account_id)
    deploy_script.deploy(BAD, target=target, bad="wrong-body")
    return environment


def end_of_switch(run: Run) -> float:
    """Epoch seconds."""
    end = next(e for e in run.events if e["event"] == "stage.end" and e["stage"] == "switch")
    return datetime.fromisoformat(end["time"]).timestamp()


def test_a_switch_under_load_loses_no_request(bad: Environment) -> None:
    with edge.WebSocket(bad.instance, ROOM) as room:
        assert say(room, "before")["release"] == BAD
        with Load(bad.instance, URLS) as load:
            time.sleep(2)
            run = bad.play("rollback.yml")
            time.sleep(2.5)
        # An object that gets other code closes its sockets; one that was left alone would go on.
        with contextlib.suppress(ConnectionClosed):
            assert say(room, "after")["release"] in (BAD, GOOD)
    assert run.code == 0, run.output
    with edge.WebSocket(bad.instance, ROOM) as room:
        answer = say(room, "again")
    assert answer["release"] == GOOD
    assert answer["count"] in (2, 3), "the room forgot what was said before the switch"

    switched = end_of_switch(run)
    told = {GOOD: 0, BAD: 0}
    for asked in load.asked:
        assert asked.fault is None, asked
        release = release_of(asked)
        assert release in told, asked
        assert release == GOOD or asked.sent < switched + 1, asked
        told[release] += 1
    assert min(told.values()) > 100, told
    assert len(load.asked) > 500
