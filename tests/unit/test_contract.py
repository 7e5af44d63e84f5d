"""What counts as healthy (S29, S30, S42-S45): a status alone never does."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plugins.module_utils.probe.certificate import Certificate
from plugins.module_utils.probe.contract import Answer, Contract, judge, problems_of

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DECLARED: dict[str, Any] = {
    "url": "https://auth.example.test/health",
    "body": "status == 'healthy'",
    "version": {"json": "version", "is": "tag"},
    "fresh": {"json": "timestamp"},
}
IDENTITY = {"release": "r2", "tag": "r2", "commit": "a" * 40, "version_id": "11111111-2222"}


def answer(body: Any = None, **changed: Any) -> Answer:
    said = {"status": "healthy", "version": "r2", "timestamp": NOW.isoformat()} if body is None else body
    raw = said.encode() if isinstance(said, str) else json.dumps(said).encode()
    fields: dict[str, Any] = {"status": 200, "headers": {}, "body": raw, "seconds": 0.05, "received": NOW}
    return Answer(**{**fields, **changed})


def valid_for(days: float) -> Certificate:
    return Certificate("ab" * 32, "a CA", datetime.now(UTC) + timedelta(days=days, minutes=1))


def problems(answered: Answer, declared: dict[str, Any] | None = None, **limits: float) -> list[str]:
    contract = Contract.of(declared or DECLARED)
    asked = {"max_skew": 60.0, "slow": 2.0, "tls_margin": 14.0, **limits}
    return judge(contract, answered, identity=IDENTITY, **asked)


def test_a_kept_contract_has_no_problems() -> None:
    assert problems(answer(tls_version="TLSv1.3", certificate=valid_for(40))) == []


@pytest.mark.parametrize(
    ("answered", "problem"),
    [
        (answer(status=500), "status 500 instead of 200"),
        (answer("<!doctype html><title>app</title>"), "the body is HTML, where JSON was expected"),
        (answer("OK"), "the body is not JSON"),
        (answer({"status": "degraded", "version": "r2", "timestamp": NOW.isoformat()}), "'degraded'"),
        (
            answer({"status": "healthy", "version": "r3", "timestamp": NOW.isoformat()}),
            "serves version r3 instead of r2",
        ),
        (answer({"status": "healthy", "timestamp": NOW.isoformat()}), "does not say its version"),
        (answer({"status": "healthy", "version": "r2"}), "which is no time"),
        (
            answer(
                {"status": "healthy", "version": "r2", "timestamp": (NOW - timedelta(hours=1)).isoformat()}
            ),
            "3600 s old: a stored answer",
        ),
        (answer(headers={"age": "30"}), "a cache answered, 30 s after"),
        (answer(status=302, headers={"location": "/login"}), "status 302 to /login instead of 200"),
        (answer("\x1f\x8b", headers={"content-encoding": "gzip"}), "encoded as gzip"),
        (answer(" "), "the body is empty"),
        (answer(seconds=2.5), "took 2.5 s"),
        (answer(tls_version="TLSv1.1", certificate=valid_for(40)), "older than TLS 1.2"),
        (answer(tls_version="TLSv1.3", certificate=valid_for(3)), "expires in 3 days"),
    ],
)
def test_each_kind_of_wrong_is_named(answered: Answer, problem: str) -> None:
    assert any(problem in found for found in problems(answered)), problems(answered)


@pytest.mark.parametrize(
    "moment", [NOW.timestamp() * 1000, NOW.timestamp(), NOW.isoformat(), "2026-11-24T03:00:00Z"]
)
def test_the_ways_to_write_a_time(moment: Any) -> None:
    assert problems(answer({"status": "healthy", "version": "r2", "timestamp": moment})) == []


def test_a_commit_may_be_short() -> None:
    declared = {**DECLARED, "version": {"header": "X-Commit", "is": "commit"}}
    assert problems(answer(headers={"X-Commit": "aaaaaaa"}), declared) == []
    assert problems(answer(headers={"X-Commit": "bbbbbbb"}), declared) != []


def test_a_version_in_the_page() -> None:
    declared = {
        **DECLARED,
        "body": None,
        "text": "<title>",
        "version": {"text": 'name="release" content="([^"]+)"', "is": "release"},
        "fresh": {"unknown": "a static page"},
        "headers": {"Strict-Transport-Security": "max-age"},
    }
    page = '<title>x</title><meta name="release" content="r2">'
    assert problems(answer(page, headers={"Strict-Transport-Security": "max-age=1"}), declared) == []
    assert problems(answer(page), declared) == ["header Strict-Transport-Security is missing"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"url": "auth.example.test"}, "url must be a whole address"),
        ({"body": None}, "a status proves nothing"),
        ({"body": "status =="}, "no JMESPath expression"),
        ({"version": None}, "version must be declared"),
        ({"version": {"json": "version"}}, "version.is must be one of"),
        ({"version": {"unknown": ""}}, "needs the reason"),
        ({"version": {"text": "release", "is": "tag"}}, "needs a group"),
        ({"fresh": {"json": "a", "header": "b"}}, "fresh must have one of"),
        ({"txet": "x"}, "txet is no setting"),
    ],
)
def test_a_bad_declaration_is_named(change: dict[str, Any], problem: str) -> None:
    assert any(problem in found for found in problems_of({**DECLARED, **change}))


def test_not_applicable_needs_a_reason() -> None:
    assert problems_of({"not_applicable": "it only consumes a queue"}) == []
    assert problems_of({"not_applicable": ""}) != []
    assert problems_of(None) != []
