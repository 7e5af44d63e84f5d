"""Every adapter against a real HTTP server that answers as the service's own documentation says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from plugins.module_utils.journal import read
from plugins.module_utils.outcome import DONE, INVALID, NOT_PROVED
from plugins.module_utils.signal.declared import declared_signals
from plugins.module_utils.stage.signals import work
from plugins.module_utils.stage.task import Task
from tests.support.receivers import Answer, Request, http, nobody, silent

TOKEN = "s3cret-t0ken-of-a-service"


def vector(*values: str) -> dict[str, Any]:
    """prometheus.io/docs/prometheus/latest/querying/api, instant queries."""
    result = [
        {
            "metric": {"__name__": "up", "job": "prometheus", "instance": f"localhost:909{i}"},
            "value": [1435781451.781, v],
        }
        for i, v in enumerate(values)
    ]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


SCALAR = {"status": "success", "data": {"resultType": "scalar", "result": [1435781451.781, "0.5"]}}
MATRIX = {"status": "success", "data": {"resultType": "matrix", "result": []}}
REFUSED = {"status": "error", "errorType": "bad_data", "error": "1:5: parse error: unexpected end of input"}
# docs.sentry.io/api/discover/query-discover-events-in-table-format.
SENTRY = {"data": [{"count()": 3}], "meta": {"fields": {"count()": "integer"}, "units": {"count()": None}}}


def signals(
    tmp_path: Path, declared: dict[str, Any], cloudflare: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The stage, in an environment with one component."""
    found = declared_signals({"signals": declared})
    worker = {"name": "auth-worker", "kind": "worker", "target": "auth", "health": {}}
    given = {
        "run": "",
        "runs_dir": str(tmp_path / "runs"),
        "environment_name": "test",
        "signals": found,
        "components": [worker],
        "identities": {"auth-worker": {"version_id": "v2"}},
        "seconds": 300,
        "so_far": {},
        "cloudflare": {"account_id": "a1", "api_token": "", "api_url": "", **(cloudflare or {})},
    }
    return work(Task(given, False, False))


def one(tmp_path: Path, declared: dict[str, Any]) -> dict[str, Any]:
    """The check of the only source."""
    return next(c for c in signals(tmp_path, declared)["checks"] if c["verdict"] != "not applicable")


def saying(content: Any, status: int = 200) -> Any:
    def answer(number: int, request: Request) -> Answer:
        return status, content, {}

    return answer


@pytest.mark.parametrize("adapter", ["prometheus", "loki"])
@pytest.mark.parametrize(
    ("content", "status", "verdict", "said"),
    [
        (vector("0.002"), 200, "pass", "0.002 of instance=localhost:9090, job=prometheus; at most 0.01"),
        (vector("0.002", "0.2"), 200, "fail", "0.2 of instance=localhost:9091"),
        (SCALAR, 200, "fail", "0.5; at most 0.01"),
        (vector(), 200, "inconclusive", "no data"),
        (vector("NaN"), 200, "inconclusive", "no number"),
        (MATRIX, 200, "inconclusive", "the query gives a matrix"),
        (REFUSED, 400, "inconclusive", "status 400: 1:5: parse error"),
        ({"detail": "x"}, 200, "inconclusive", "an answer that is none of this service"),
        ("", 503, "inconclusive", "status 503"),
    ],
    ids=["good", "bad", "scalar", "empty", "nan", "matrix", "refused", "other", "down"],
)
def test_prometheus_and_loki(
    tmp_path: Path, adapter: str, content: Any, status: int, verdict: str, said: str
) -> None:
    with http(saying(content, status)) as server:
        query = 'sum(rate(http_errors_total{code=~"5.."}[${window}s]))'
        source = {"name": "5xx", "url": server.url, "token": TOKEN, "query": query, "max": 0.01}
        check = one(tmp_path, {adapter: [source]})
    assert (check["check"], check["verdict"]) == (f"{adapter} 5xx", verdict), check
    assert said in check["detail"]
    [request] = server.requests
    asked = urlsplit(request.path)
    assert asked.path == {"prometheus": "/api/v1/query", "loki": "/loki/api/v1/query"}[adapter]
    assert parse_qs(asked.query)["query"] == [query.replace("${window}", "300")]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_sentry(tmp_path: Path) -> None:
    with http(saying(SENTRY)) as server:
        source = {
            "organization": "viral",
            "url": server.url,
            "token": TOKEN,
            "environment": "production",
            "max": 0,
        }
        check = one(tmp_path, {"sentry": source | {"project": ["7"], "query": "level:fatal"}})
    assert (check["verdict"], check["number"]) == ("fail", 3)
    asked = urlsplit(server.requests[0].path)
    assert asked.path == "/api/0/organizations/viral/events/"
    told = parse_qs(asked.query)
    assert (told["field"], told["dataset"], told["project"]) == (["count()"], ["errors"], ["7"])
    assert (told["query"], told["environment"]) == (["level:fatal"], ["production"])
    assert told["start"] < told["end"]


def test_errors_are_counted_by_release(tmp_path: Path) -> None:
    rows = [{"release": "r2", "count()": 0}, {"release": "r3", "count()": 41}]
    with http(saying({"data": rows, "meta": {}})) as server:
        source = {"organization": "viral", "url": server.url, "token": TOKEN, "by": "release", "max": 5}
        check = one(tmp_path, {"sentry": source})
    assert (check["verdict"], check["numbers"]) == ("fail", {"release=r2": 0, "release=r3": 41})


@pytest.mark.parametrize(
    ("content", "verdict", "said"),
    [
        ({"data": {"failed": 0}}, "pass", "0; at most 0"),
        ({"data": {"failed": 2}}, "fail", "2; at most 0"),
        ({"data": {}}, "inconclusive", "no data"),
        ({"data": {"failed": "two"}}, "inconclusive", "'two', which is no number"),
    ],
    ids=["none", "some", "missing", "text"],
)
def test_anything_that_answers_with_json(tmp_path: Path, content: Any, verdict: str, said: str) -> None:
    """No failed payment is the only pass (S58)."""
    with http(saying(content)) as server:
        source = {
            "name": "failed payments",
            "url": f"{server.url}/v1?from=$from",
            "value": "data.failed",
            "max": 0,
        }
        check = one(tmp_path, {"json": [source]})
    assert (check["verdict"], said in check["detail"]) == (verdict, True), check
    assert server.requests[0].path.startswith("/v1?from=20")


def test_who_does_not_answer_is_inconclusive_with_the_reason(tmp_path: Path) -> None:
    with nobody() as port:
        check = one(
            tmp_path, {"json": [{"name": "x", "url": f"http://127.0.0.1:{port}", "value": "a", "max": 0}]}
        )
    assert (check["verdict"], check["detail"]) == ("inconclusive", "not reached: connection refused")


def test_a_service_that_hangs_does_not_hold_up_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugins.module_utils.signal.http.READ", 0.3)
    with silent() as port:
        check = one(
            tmp_path, {"json": [{"name": "x", "url": f"http://127.0.0.1:{port}", "value": "a", "max": 0}]}
        )
    assert (check["verdict"], check["detail"]) == ("inconclusive", "not reached: no answer in time")


def test_what_is_not_configured_is_said_to_be_so_and_a_secret_is_not(tmp_path: Path) -> None:
    with http(saying({"status": "error", "error": f"the token {TOKEN} is unknown"}, 401)) as server:
        source = {"name": "5xx", "url": server.url, "token": TOKEN, "query": "x", "max": 1}
        found = signals(tmp_path, {"prometheus": [source], "loki": "nonsense"})
    verdicts = {check["check"]: (check["verdict"], check["detail"]) for check in found["checks"]}
    assert verdicts["sentry"] == ("not applicable", "not configured")
    assert verdicts["signals"][0] == "inconclusive"
    assert "signals.loki must be a list" in verdicts["signals"][1]
    assert found["outcome"]["exit_code"] == NOT_PROVED
    [journal] = (tmp_path / "runs").glob("*/journal.jsonl")
    assert TOKEN not in journal.read_text()
    assert {event["check"] for event in read(journal) if event["event"] == "check"} == set(verdicts)


def test_how_the_run_ends(tmp_path: Path) -> None:
    assert signals(tmp_path / "none", {})["outcome"]["exit_code"] == DONE
    with http(saying(vector("5"))) as server:
        source = {"name": "5xx", "url": server.url, "query": "x", "max": 1}
        end = signals(tmp_path / "bad", {"prometheus": [source]})["outcome"]
    assert (end["exit_code"], end["next"]) == (INVALID, "ansible-playbook rollback.yml -i test")


def test_cloudflares_analytics_as_the_documentation_answers(tmp_path: Path) -> None:
    row = {
        "dimensions": {"scriptName": "auth", "scriptVersion": "v2"},
        "sum": {"errors": 41, "requests": 400},
    }
    told = {"data": {"viewer": {"accounts": [{"workersInvocationsAdaptive": [row]}]}}, "errors": None}
    with http(saying(told)) as server:
        found = signals(tmp_path, {"cloudflare": True}, {"api_url": server.url, "api_token": TOKEN})
    [check] = [check for check in found["checks"] if check["check"] == "cloudflare analytics"]
    assert (check["component"], check["verdict"], check["n"], check["bad"]) == (
        "auth-worker",
        "fail",
        400,
        41,
    )
    assert server.requests[0].path == "/graphql"
    assert server.requests[0].json["variables"]["scripts"] == ["auth"]
    refused = {
        "data": None,
        "errors": [{"message": "rate limiter budget depleted, try again after 5 minutes"}],
    }
    with http(saying(refused, 429)) as server:
        found = signals(tmp_path, {"cloudflare": True}, {"api_url": server.url, "api_token": TOKEN})
    [check] = [check for check in found["checks"] if check["check"] == "cloudflare analytics"]
    assert (check["verdict"], check["detail"]) == (
        "inconclusive",
        "status 429: rate limiter budget depleted, try again after 5 minutes",
    )
