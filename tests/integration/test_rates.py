"""Error rate and latency of real services: over HTTP, and through `ansible-playbook` on the local environment."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from local_cloudflare.launch import Instance
from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED, REFUSED
from plugins.module_utils.probe.load import Load, Pace, Reply, run
from plugins.module_utils.probe.wire import Way
from plugins.module_utils.stage.rates import work
from plugins.module_utils.stage.task import Task
from tests.support.environment import WORKERS, Environment
from tests.support.served import Answer, Server, http, serving
from tests.support.workers import upload

HEALTH = {
    "body": "status == 'healthy'",
    "version": {"unknown": "it does not say"},
    "fresh": {"json": "timestamp"},
}


class Seen:
    """Wants a number of answers, and keeps them."""

    def __init__(self, most: int) -> None:
        self.replies: list[Reply] = []
        self.late: list[int] = []
        self._most = most

    def asked(self, name: str, number: int) -> None:
        pass

    def is_late(self, name: str, number: int) -> None:
        self.late.append(number)

    def answered(self, name: str, number: int, reply: Reply) -> None:
        self.replies.append(reply)

    def wants(self, name: str) -> bool:
        return len(self.replies) < self._most


def load(server: Server, seen: Seen, **pace: Any) -> Load:
    wanted = {
        "rate": 200,
        "seconds": 30,
        "max_requests": 500,
        "max_in_flight": 50,
        "warm_up": 2,
        "slow": 0.3,
        "timeout": 5,
    }
    return run({"service": Way(server.url)}, Pace(**{**wanted, **pace}), seen)["service"]


def rates(tmp_path: Path, urls: dict[str, str], **params: Any) -> dict[str, Any]:
    """The stage, with components that are anywhere."""
    components = [
        {"name": name, "kind": "worker", "target": name, "health": {**HEALTH, "url": url}}
        for name, url in urls.items()
    ]
    load = {"rate": 200, "seconds": 20, "max_requests": 5000, "max_in_flight": 100, "warm_up": 5}
    test = {"alpha": 0.001, "beta": 0.001, "confidence": 0.95}
    probing = {"connect_to": "", "ca_file": "", "timeout": 5, "seconds": 1, "max_skew": 60, "slow": 1}
    given: dict[str, Any] = {
        "run": "",
        "runs_dir": str(tmp_path / "runs"),
        "environment_name": "test",
        "components": components,
        "identities": {},
        "probing": {**probing, **params.pop("probing", {})},
        "errors": {"limit": 0.01, "p0": 0.005, "p1": 0.02, **test},
        "late": {"limit": 0.05, "p0": 0.025, "p1": 0.1, **test},
        "load": {**load, **params.pop("load", {})},
        "so_far": {},
    }
    return work(Task({**given, **params}, False, False))


def verdicts(result: dict[str, Any]) -> dict[tuple[str, str], str]:
    return {(check["component"], check["check"]): check["verdict"] for check in result["checks"]}


# --- the load


def test_connections_are_kept_and_phases_are_timed() -> None:
    with serving(lambda number: (0, http())) as server:
        seen = Seen(50)
        done = load(server, seen)
    assert [reply.fault for reply in seen.replies] == [""] * len(seen.replies)
    assert server.connections < 50 <= server.asked
    assert {"dns", "connect", "tls", "first_byte"} == set(done.phases)


def test_requests_start_although_no_answer_comes_and_stop_when_they_pile_up() -> None:
    with serving(lambda number: (60 if number > 2 else 0, http())) as server:
        seen = Seen(1000)
        done = load(server, seen, max_in_flight=20, timeout=1)
    # Two for the warm-up, and as many at the same time as are allowed.
    assert done.requests == server.asked == 22
    assert done.stopped == "20 requests were waiting for an answer at the same time"
    assert [reply.fault for reply in seen.replies[2:]] == ["no answer in time"] * 20
    assert set(seen.late) == set(range(2, 22))


def test_the_budget_is_kept() -> None:
    with serving(lambda number: (0, http())) as server:
        done = load(server, Seen(1000), max_requests=30)
    assert done.requests == server.asked == 30
    assert "budget of 30 requests" in done.stopped


def test_a_connection_that_the_service_closed_is_made_again_and_told() -> None:
    def answer(number: int) -> Answer:
        # It says nothing on a kept connection, once.
        return (0, b"" if number == 10 else http())

    with serving(answer) as server:
        seen = Seen(40)
        done = load(server, seen)
    assert done.again == 1
    assert not any(reply.fault for reply in seen.replies)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", "connection closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "the answer is not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nshort",
            "in the middle of the answer",
        ),
    ],
)
def test_what_is_no_answer_is_named(answer: bytes, says: str) -> None:
    with serving(lambda number: (0, answer)) as server:
        seen = Seen(3)
        load(server, seen, timeout=2)
    assert all(says in reply.fault for reply in seen.replies), seen.replies


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world",
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\nhello world",
    ],
)
def test_every_way_to_end_a_body_is_understood(answer: bytes) -> None:
    with serving(lambda number: (0, answer)) as server:
        seen = Seen(5)
        load(server, seen)
    assert {reply.answer.body for reply in seen.replies if reply.answer} == {b"hello world"}


def test_nobody_there_is_found_at_once() -> None:
    with serving(lambda number: (0, http())) as server:
        pass
    seen = Seen(5)
    done = load(server, seen)
    assert {reply.fault for reply in seen.replies} == {"connection refused"}
    assert done.requests >= 5


def test_the_way_leads_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def proxy(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client, client.makefile("rb") as lines:
            asked.append(lines.readline())
            while lines.readline() != b"\r\n":
                pass
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            # What a tunnel leads to answers one request here, instead of being a tunnel.
            while lines.readline() != b"\r\n":
                pass
            client.sendall(http(head="Connection: close\r\n"))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        for name in ("NO_PROXY", "no_proxy", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread = threading.Thread(target=proxy, args=(listening,))
        thread.start()
        seen = Seen(1)
        pace = Pace(10, 10, 1, 1, 1, 5, 10)
        run({"service": Way("http://nowhere.invalid/health")}, pace, seen)
        thread.join()
    assert asked == [b"CONNECT nowhere.invalid:80 HTTP/1.1\r\n"]
    assert [reply.answer and reply.answer.status for reply in seen.replies] == [200]


# --- the stage


def one_in(count: int, bad: Answer) -> Callable[[int], Answer]:
    return lambda number: bad if number % count == 0 else (0, http())


def test_good_services_pass_with_numbers(tmp_path: Path) -> None:
    with serving(lambda number: (0, http())) as one, serving(lambda number: (0, http())) as two:
        result = rates(tmp_path, {"one": one.url, "two": two.url})
    assert result["outcome"]["exit_code"] == DONE, result
    assert set(verdicts(result).values()) == {"pass"}
    checks = {(check["component"], check["check"]): check for check in result["checks"]}
    assert checks["one", "error rate"]["n"] == 455
    assert checks["one", "error rate"]["interval"][1] < 0.01
    assert checks["one", "latency"]["p95_bound"] is not None
    assert checks["total", "error rate"]["n"] == 455
    read = json.loads(Path(result["files"]["json"]).read_text())
    assert (read["verdict"], len(read["checks"])) == ("pass", 5)
    assert ElementTree.parse(result["files"]["xml"]).getroot().get("failures") == "0"


@pytest.mark.parametrize(
    "bad",
    [http(500), http(200, b"<!doctype html>"), http(200, b'{"status": "healthy", "timestamp": 1}'), b""],
    ids=["500", "a page", "a stored answer", "nothing"],
)
def test_a_service_that_is_down_is_found_in_five_requests(tmp_path: Path, bad: bytes) -> None:
    with serving(lambda number: (0, bad)) as server:
        result = rates(tmp_path, {"down": server.url})
    check = result["checks"][0]
    assert (check["verdict"], check["n"], check["bad"]) == ("fail", 5, 5)
    assert result["outcome"]["exit_code"] == INVALID
    assert server.asked <= 10


def test_one_error_in_five_is_found_and_the_others_pass(tmp_path: Path) -> None:
    with serving(one_in(5, (0, http(500)))) as bad, serving(lambda number: (0, http())) as good:
        result = rates(tmp_path, {"bad": bad.url, "good": good.url})
    told = verdicts(result)
    assert (told["bad", "error rate"], told["good", "error rate"]) == ("fail", "pass")
    assert result["outcome"]["exit_code"] == INVALID
    assert any("status 500 instead of 200" in line for line in result["outcome"]["details"])


def test_slow_answers_are_not_overtaken_by_fast_ones(tmp_path: Path) -> None:
    with serving(one_in(5, (2, http()))) as server:
        result = rates(tmp_path, {"slow": server.url})
    assert verdicts(result)["slow", "latency"] == "fail"
    assert result["outcome"]["exit_code"] == INVALID


def test_a_service_that_gives_way_under_the_load_does_not_pass(tmp_path: Path) -> None:
    """The test of latency has passed by then; what came later speaks against it."""

    def answer(number: int) -> Answer:
        return (1.5 if number > 150 and number % 4 == 0 else 0, http())

    with serving(answer) as server:
        result = rates(tmp_path, {"service": server.url})
    assert verdicts(result)["service", "latency"] == "inconclusive", result
    assert result["outcome"]["exit_code"] == NOT_PROVED


def test_too_few_answers_prove_nothing(tmp_path: Path) -> None:
    with serving(lambda number: (0, http())) as server:
        result = rates(tmp_path, {"service": server.url}, load={"max_requests": 100})
    assert result["outcome"]["exit_code"] == NOT_PROVED
    assert result["outcome"]["verdict"] == "NOT PROVED"
    assert verdicts(result)["service", "error rate"] == "inconclusive"
    assert any("the budget of 100 requests is used up" in line for line in result["outcome"]["details"])
    assert ElementTree.parse(result["files"]["xml"]).getroot().get("errors") == "2"


def test_settings_that_make_no_sense_are_named_before_anything_is_asked(tmp_path: Path) -> None:
    with serving(lambda number: (0, http())) as server:
        result = rates(tmp_path, {"service": server.url}, load={"rate": 0})
    assert result["outcome"]["exit_code"] == REFUSED
    assert result["outcome"]["details"] == ["validate_load: rate must be above 0"]
    assert server.asked == 0


# --- the playbook

AUTH = WORKERS["auth-worker"]
WELL = 'Response.json({status: "healthy", timestamp: Date.now(), version: "r9"})'
# A busy machine can ask and answer so much, and coarser hypotheses need fewer answers.
COARSE = {"p0": 0.01, "p1": 0.1, "alpha": 0.001, "beta": 0.001, "confidence": 0.95}
GENTLE = {
    "validate_load": {"rate": 10, "seconds": 120},
    "validate_errors": {"limit": 0.05, **COARSE},
    "validate_late": {"limit": 0.1, **COARSE},
    "validate_slow": 9,
}


@pytest.fixture
def environment(seeded: Instance) -> Environment:
    found = Environment(seeded)
    found.serve("r2")
    return found


def put_into_service(environment: Environment, body: str) -> None:
    """A version of the auth Worker that keeps its contract, but for what ``body`` does before."""
    source = f"export default {{ async fetch() {{ {body} return {WELL}; }} }};"
    annotations = {"workers/tag": "r9", "workers/message": "r9: test"}
    version = upload(environment.api, AUTH, source, annotations=annotations)
    environment.api.deploy(AUTH, version, force=True)


def full(environment: Environment, **variables: Any) -> tuple[int, str, dict[tuple[str, str], str]]:
    # A flow of users that meets what is wrong would end the validation before the rates are asked.
    settings = {**GENTLE, "flows": {}, **variables}
    run = environment.play("validate.yml", "--tags", "full", "-e", json.dumps(settings))
    told = {
        (event["component"], event["check"]): event["verdict"]
        for event in run.events
        if event["event"] == "rates"
    }
    return run.code, run.output, told


def test_a_good_environment_is_proved(environment: Environment) -> None:
    code, output, told = full(environment)
    assert code == DONE, output
    assert set(told.values()) == {"pass"}
    assert len(told) == 2 * 6 + 1
    last = output.rstrip().splitlines()[-1]
    assert last.startswith("DONE: local serves r2; 6 of 6 components and 1 database checked")
    assert "error rate < 5 % and late answers < 10 %" in last


def test_an_environment_with_errors_fails(environment: Environment) -> None:
    put_into_service(environment, 'if (Math.random() < 0.2) return new Response("no", {status: 500});')
    code, output, told = full(environment)
    assert code == INVALID, output
    assert told["auth-worker", "error rate"] == "fail"
    # The gateway asks it for its own health.
    assert told["analytics-worker", "error rate"] == told["site", "error rate"] == "pass"
    assert re.search(r": auth-worker(, [a-z-]+)* \(error rate\)", output.rstrip().splitlines()[-1])


def test_an_environment_with_slow_answers_fails(environment: Environment) -> None:
    put_into_service(environment, "if (Math.random() < 0.3) await new Promise((go) => setTimeout(go, 4000));")
    code, output, told = full(environment, validate_slow=3)
    assert code == INVALID, output
    assert told["auth-worker", "latency"] == "fail"
