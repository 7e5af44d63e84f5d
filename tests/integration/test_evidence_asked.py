"""Evidence asked of real servers: up, full, away, silent; and what was asked holds up nothing (S23-S27)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from local_cloudflare.launch import Instance, start
from plugins.module_utils.journal import read
from plugins.module_utils.signal.declared import declared_signals
from plugins.module_utils.stage.evidence import gathering
from plugins.module_utils.stage.plan import SPEC
from plugins.module_utils.stage.task import Task
from tests.support.api import Api
from tests.support.certificates import Authority
from tests.support.postgres import Postgres
from tests.support.receivers import http as receiver
from tests.support.receivers import nobody, silent
from tests.support.served import http, serving
from tests.support.validation import HEALTH, Validation

SECRET = "pa55-w0rd-never-shown"
PARTY = {"version": {"unknown": "not ours"}, "fresh": {"unknown": "not ours"}}


def asked(folder: Path, trigger: str, *, work: float = 0, **given: Any) -> tuple[list[dict[str, Any]], float]:
    """The events, when a stage that takes ``work`` seconds itself asks meanwhile; and how long all took."""
    told = {
        "run": "one",
        "runs_dir": str(folder / "runs"),
        "environment_name": "test",
        "components": [],
        "ledger": {"backend": "none"},
        "cloudflare": {"account_id": "a1", "api_token": SECRET, "api_url": "http://127.0.0.1:9"},
        "trigger": trigger,
        "probing": {"seconds": 0.5},
        **given,
    }
    checked = ArgumentSpecValidator(SPEC).validate(told)
    assert not checked.error_messages, checked.error_messages
    began = time.monotonic()
    with gathering(Task(checked.validated_parameters, False, False)):
        time.sleep(work)
    took = time.monotonic() - began
    journal = folder / "runs/one/journal.jsonl"
    events = list(read(journal)) if journal.exists() else []
    assert SECRET not in json.dumps(events)
    return [event for event in events if event["event"].startswith("trigger.")], took


def postgres_at(dsn: str) -> dict[str, Any]:
    migrations = {"driver": "plain", "path": "/nowhere"}
    return {"name": "app-db", "kind": "postgres", "dsn": dsn, "migrations": migrations}


def answer(events: list[dict[str, Any]]) -> tuple[str, str, bool]:
    [one] = [event for event in events if event["event"] == "trigger.evidence"]
    return one["verdict"], one["detail"], bool(one.get("away"))


def helps(events: list[dict[str, Any]]) -> list[str]:
    return [event["helps"] for event in events if event["event"] == "trigger.finding"]


def test_a_database_that_is_up_full_away_silent(tmp_path: Path, postgres: Postgres, database: str) -> None:
    def ask(name: str, dsn: str) -> list[dict[str, Any]]:
        events, took = asked(tmp_path / name, "database", databases=[postgres_at(dsn)])
        assert took < 1.5
        return events

    dsn = postgres.instance.dsn(database)
    up = ask("up", dsn)
    assert (answer(up), helps(up)) == (("pass", "it answers", False), ["maybe"])
    role = f"nobody_{database}"
    postgres.sql("postgres", f"CREATE ROLE {role} LOGIN PASSWORD '{SECRET}' CONNECTION LIMIT 0")
    full = ask("full", postgres.instance.dsn(database, user=role, password=SECRET))
    postgres.sql("postgres", f"DROP ROLE {role}")
    assert (answer(full)[0], answer(full)[2], helps(full)) == ("fail", False, ["maybe"]), full
    with nobody() as port:
        away = ask("away", f"postgresql://app:{SECRET}@127.0.0.1:{port}/shop")
    assert (answer(away)[0], answer(away)[2], helps(away)) == ("fail", True, ["no"]), away
    with silent() as port:
        mute = ask("mute", f"postgresql://app:{SECRET}@127.0.0.1:{port}/shop")
    assert answer(mute)[:2] == ("inconclusive", "could not be asked: no answer in 0.5 s")
    assert helps(mute) == ["unknown"]
    wrong = ask("wrong", "postgresql://")
    assert answer(wrong)[:2] == (
        "inconclusive",
        "could not be asked: postgres_dsn names no host: write postgresql://user@host:5432/name",
    )


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("evidence") / "state") as running:
        yield running


def test_a_d1_database_that_answers_and_one_that_does_not(tmp_path: Path, instance: Instance) -> None:
    api = Api(instance)
    api("POST", "A/d1/database", {"name": "content"})
    told = {"name": "content-db", "kind": "d1", "migrations": {"driver": "d1", "path": "/nowhere"}}
    way = {"account_id": instance.account_id, "api_token": instance.api_token, "api_url": instance.api_url}

    def ask(name: str, database: str = "content") -> list[dict[str, Any]]:
        given = {"databases": [told | {"database": database}], "cloudflare": way, "probing": {"seconds": 2}}
        return asked(tmp_path / name, "database", **given)[0]

    assert answer(ask("up"))[0] == "pass"
    assert (answer(ask("other", "nonsense"))[0], answer(ask("again", "nonsense"))[2]) == ("fail", False)
    api.fault({"kind": "error", "status": 503, "match": {"path": "/d1/database"}, "lease_seconds": 30})
    away = ask("away")
    api.heal()
    assert (answer(away)[0], answer(away)[2], helps(away)) == ("fail", True, ["no"])


@contextmanager
def a_provider(kind: str) -> Iterator[str]:
    if kind == "refuses":
        with nobody() as port:
            yield f"http://127.0.0.1:{port}/health"
    elif kind == "hangs":
        with silent() as port:
            yield f"http://127.0.0.1:{port}/health"
    else:
        status = 200 if kind == "well" else 503
        with serving(lambda number: (0, http(status))) as server:
            yield server.url


@pytest.mark.parametrize(
    ("kind", "verdict", "detail", "helped"),
    [
        ("well", "pass", "it keeps its health contract", "maybe"),
        ("down", "fail", "status 503 instead of 200", "no"),
        ("refuses", "fail", "connection refused", "no"),
        ("hangs", "inconclusive", "could not be asked: no answer in 0.5 s", "unknown"),
    ],
)
def test_a_provider(tmp_path: Path, kind: str, verdict: str, detail: str, helped: str) -> None:
    with a_provider(kind) as url:
        party = {"name": "psp", "health": {**PARTY, "url": url}}
        events, took = asked(tmp_path, "payments", third_parties=[party])
    assert (answer(events)[:2], helps(events)) == ((verdict, detail), [helped])
    assert took < 1


def test_a_provider_that_is_declared_wrongly_is_not_known(tmp_path: Path) -> None:
    events, _ = asked(tmp_path, "payments", third_parties=[{"name": "psp", "health": {}}])
    assert (answer(events)[0], helps(events)) == ("inconclusive", ["unknown"])


def test_all_that_hangs_has_one_deadline_and_waits_beside_the_work(tmp_path: Path) -> None:
    with silent() as port:
        url = f"http://127.0.0.1:{port}"
        party = {"name": "psp", "health": {**PARTY, "url": url}}
        source = {"name": "errors", "url": url, "token": SECRET, "query": "x", "max": 0}
        signals = declared_signals({"signals": {"prometheus": [source] * 3, "loki": "nonsense"}})
        given = {"third_parties": [party] * 3, "signals": signals}
        given["databases"] = [postgres_at(f"postgresql://app@127.0.0.1:{port}/shop")] * 3
        events, took = asked(tmp_path / "idle", "performance", **given)
        assert 0.5 <= took < 1.2
        _, beside = asked(tmp_path / "busy", "performance", work=0.7, **given)
        assert beside < 1.1
    told = [event for event in events if event["event"] == "trigger.evidence"]
    assert len(told) == 10
    assert {event["verdict"] for event in told} == {"inconclusive"}
    assert "signals.loki must be a list" in told[-1]["detail"]
    # Whoever says nothing of what it is about asks nobody.
    assert asked(tmp_path / "person", "person", **given)[0] == []


def test_what_was_answered_is_kept_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), serving(lambda number: (0, http())) as server:
        params = {"third_parties": [{"name": "psp", "health": {**PARTY, "url": server.url}}]}
        with failing(tmp_path, params):
            raise ZeroDivisionError
    assert [event["event"] for event in read(tmp_path / "runs/one/journal.jsonl")] == [
        "trigger.evidence",
        "trigger.finding",
    ]


@contextmanager
def failing(folder: Path, params: dict[str, Any]) -> Iterator[None]:
    told = {"run": "one", "runs_dir": str(folder / "runs"), "environment_name": "test", "trigger": "payments"}
    probing = {
        "connect_to": "",
        "ca_file": "",
        "timeout": 2,
        "seconds": 2,
        "max_skew": 60,
        "slow": 2,
        "tls_margin": 14,
    }
    more = {"probing": probing, "signals": {}, "databases": [], "cloudflare": {}}
    with gathering(Task({**told, **more, **params}, False, False)):
        yield


def test_errors_by_release_as_a_signal_counts_them(tmp_path: Path) -> None:
    rows = [{"release": "r2", "count()": 0}, {"release": "r3", "count()": 41}]
    with receiver(lambda number, request: (200, {"data": rows, "meta": {}}, {})) as server:
        source = {"organization": "viral", "url": server.url, "token": SECRET, "by": "release", "max": 5}
        signals = declared_signals({"signals": {"sentry": source}})
        events, _ = asked(tmp_path, "errors", signals=signals)
    [told] = [event for event in events if event["event"] == "trigger.evidence"]
    assert (told["verdict"], told["numbers"]) == ("fail", {"release=r2": 0.0, "release=r3": 41.0})


# --- components, which are looked at before the change anyway

NAME = "auth.example.test"
HSTS = "Strict-Transport-Security: max-age=31536000\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def before(folder: Path, authority: Authority, address: str, **given: Any) -> list[dict[str, Any]]:
    declared = {"auth": {**HEALTH, "url": f"https://{NAME}/health"}}
    one = Validation(folder, declared, connect_to=address, ca_file=str(authority.ca_file), seconds=0.4)
    began = time.monotonic()
    one.before(**given)
    assert time.monotonic() - began < 1.5
    events = read(folder / "runs/one/journal.jsonl")
    return [event for event in events if event["event"].startswith("trigger.")]


def test_a_component_that_does_not_respond(tmp_path: Path, authority: Authority) -> None:
    with silent() as mute, nobody() as port:
        for number, why in ((mute, "no connection in time"), (port, "connection refused")):
            events = before(tmp_path / str(number), authority, f"127.0.0.1:{number}", trigger="health")
            assert (answer(events)[:2], helps(events)) == (("fail", why), ["maybe"])
            hidden = before(tmp_path / f"{number}s", authority, f"127.0.0.1:{number}", trigger="security")
            assert [(event["check"], event["verdict"]) for event in hidden] == [
                ("headers", "inconclusive"),
                ("tls", "inconclusive"),
            ]


def test_a_way_there_that_is_broken_says_nothing_of_a_component(tmp_path: Path, authority: Authority) -> None:
    other = Validation(
        tmp_path,
        {"auth": {**HEALTH, "url": f"https://{NAME}/health"}},
        connect_to="127.0.0.1:9",
        ca_file="/nowhere.pem",
    )
    other.before(trigger="health")
    events = [event for event in read(tmp_path / "runs/one/journal.jsonl") if "about" in event]
    assert answer(events)[:2] == ("inconclusive", "could not be asked: the CA file cannot be read")


def test_what_protects_is_held_against_what_was_recorded(tmp_path: Path, authority: Authority) -> None:
    body = json.dumps({"status": "healthy", "version": "r3", "timestamp": time.time()}).encode()
    with serving(lambda number: (0, http(200, body, HSTS)), tls=authority.server(NAME)) as server:
        recorded = {"auth": ["Strict-Transport-Security", "Content-Security-Policy"]}
        given = {"release": "r2", "recorded_headers": recorded}
        events = before(tmp_path / "lost", authority, server.address, trigger="security", **given)
        assert helps(before(tmp_path / "health", authority, server.address, trigger="health", **given)) == [
            "unknown"
        ]
        assert before(tmp_path / "person", authority, server.address, **given) == []
    told = {event["check"]: event["verdict"] for event in events if event["event"] == "trigger.evidence"}
    assert told == {"headers": "fail", "tls": "pass"}
    [finding] = [event["says"] for event in events if event["event"] == "trigger.finding"]
    assert finding == "auth is less protected: gone since r2 was recorded: Content-Security-Policy"
