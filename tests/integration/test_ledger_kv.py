"""A ledger in Workers KV, over the REST API of the local Cloudflare."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.journal import Journal
from plugins.module_utils.ledger import kv
from plugins.module_utils.ledger.entry import parse, unparse
from plugins.module_utils.ledger.errors import Damaged, LedgerError
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.ledger.lock import Held, Holder, Lost, renew, take
from plugins.module_utils.redact import Redactor
from tests.support.api import Api

FORK = multiprocessing.get_context("fork")
LEASE = timedelta(minutes=3)
SETTLE = 1.0


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("kv") / "state", budget=100_000) as instance:
        yield instance


@pytest.fixture
def api(instance: Instance) -> Iterator[Api]:
    api = Api(instance)
    yield api
    api.heal()


Open = Callable[..., Ledger]


@pytest.fixture
def opened(instance: Instance, api: Api, tmp_path: Path) -> Open:
    """Opens the ledger of an environment in a namespace of the test's own, as one more writer."""
    namespace = api("POST", "A/storage/kv/namespaces", {"title": tmp_path.name})["id"]

    def ledger(by: str = "ann", prefix: str = "staging", namespace: str = namespace) -> Ledger:
        journal = Journal(tmp_path / "runs", by, Redactor())
        client = Client(
            instance.api_url, instance.api_token, instance.account_id, journal, timeout=2, patience=5
        )
        return Ledger(kv.Kv(client, namespace, prefix, settle=SETTLE), by=by)

    return ledger


def store_of(ledger: Ledger) -> str:
    """The API's path of the namespace."""
    backend = ledger._backend
    assert isinstance(backend, kv.Kv)
    return f"A/{backend._path}"


def goal(name: str) -> tuple[str, dict[str, Any]]:
    return ("goal", {"run": name})


def test_what_was_written_is_read(opened: Open) -> None:
    ledger = opened()
    assert ledger.entries() == []
    written = ledger.append(goal("one"), goal("two ✓"))
    written += ledger.append(goal("three"))
    assert opened("bob").entries() == written
    assert ledger.append(goal("four"), unless=lambda view: "three" in view.goals) == []
    assert opened(prefix="production").entries() == []
    assert ledger.verify() == written[-1].hash


def test_more_than_a_page_of_keys_is_read(api: Api, opened: Open) -> None:
    """1,050 appends, written the way that a thousand deploys would have."""
    ledger = opened()
    (first,) = ledger.append(goal("0"))
    path = f"{store_of(ledger)}/values/staging%2Fe%2F"
    parent = first.hash
    for number in range(1, 1050):
        raw = unparse("goal", first.time, "ann", {"run": str(number)}, [parent], 0)
        parent = parse(raw, "").hash
        api.raw("PUT", f"{path}2{number:05}", data=raw).raise_for_status()
    assert list(opened().view().goals) == [str(number) for number in range(1050)]


def test_writers_at_once_fork_and_lose_nothing(opened: Open) -> None:
    start = FORK.Barrier(6)
    processes = [FORK.Process(target=_append_four, args=(opened, f"w{n}", start)) for n in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 6
    ledger = opened()
    assert sorted(ledger.view().goals) == sorted(f"w{n}-{number}" for n in range(6) for number in range(4))
    orders = [[entry.hash for entry in opened(f"reader {n}").entries()] for n in range(3)]
    assert orders[0] == orders[1] == orders[2]
    heads = ledger.verify()
    (joined,) = ledger.append(goal("join"))
    assert set(joined.parents) == set(heads.split("+"))
    assert ledger.verify(heads) == joined.hash


def _append_four(opened: Open, name: str, start: Any) -> None:
    ledger = opened(name)
    for number in range(4):
        start.wait(60)
        ledger.append(goal(f"{name}-{number}"))


@pytest.mark.parametrize("kind", ["reset", "timeout", "error"])
def test_a_write_whose_answer_was_lost_is_there_once(api: Api, opened: Open, kind: str) -> None:
    ledger = opened()
    match = {"method": "PUT", "path": "/values/"}
    api.fault({"kind": kind, "phase": "after", "count": 1, "match": match, "lease_seconds": 5})
    ledger.append(goal("one"))
    assert [entry.body["run"] for entry in opened("bob").entries()] == ["one"]


def test_reading_is_tried_again(api: Api, opened: Open) -> None:
    ledger = opened()
    ledger.append(goal("one"))
    api.fault({"kind": "error", "status": 502, "body": "html", "count": 2, "match": {"path": "/bulk/get"}})
    assert list(ledger.view().goals) == ["one"]


@pytest.fixture
def three(api: Api, opened: Open) -> tuple[list[str], Callable[[str], str]]:
    """Three entries: their keys, and where the value of a key is."""
    ledger = opened()
    for name in ("one", "two", "three"):
        ledger.append(goal(name))
    store = store_of(ledger)
    keys = [item["name"] for item in api("GET", f"{store}/keys")]
    return keys, lambda key: f"{store}/values/{key.replace('/', '%2F')}"


def test_an_entry_that_was_deleted_or_changed_is_found(
    api: Api, opened: Open, three: tuple[list[str], Callable[[str], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kv, "_LAG", 0)
    keys, value = three
    kept = api.raw("GET", value(keys[1])).content
    damaged = rf"key {keys[2]}, line 1: the entry before it .* is not there, or was changed"
    api.raw("PUT", value(keys[1]), data=kept.replace(b"two", b"tvo")).raise_for_status()
    with pytest.raises(Damaged, match=damaged):
        opened().entries()
    api("DELETE", value(keys[1]))
    with pytest.raises(Damaged, match=damaged):
        opened().entries()
    api.raw("PUT", value(keys[1]), data=kept).raise_for_status()
    assert list(opened().view().goals) == ["one", "two", "three"]


def test_an_entry_that_shows_late_is_waited_for(
    api: Api, opened: Open, three: tuple[list[str], Callable[[str], str]]
) -> None:
    """As where the newest entry is visible already, and the one before it is not."""
    keys, value = three
    kept = api.raw("GET", value(keys[1])).content
    api("DELETE", value(keys[1]))
    later = threading.Timer(1, lambda: api.raw("PUT", value(keys[1]), data=kept).raise_for_status())
    later.start()
    try:
        assert list(opened().view().goals) == ["one", "two", "three"]
    finally:
        later.join()


def test_what_cannot_be_reached_is_told(api: Api, opened: Open) -> None:
    with pytest.raises(LedgerError, match=r"KV namespace 0000 cannot be read: .*namespace not found"):
        opened(namespace="0000").entries()
    ledger = opened()
    api.fault({"kind": "partition", "lease_seconds": 30})
    with pytest.raises(LedgerError, match="cannot be read: "):
        ledger.entries()


def test_a_slot_is_set_by_whoever_knows_its_value(opened: Open) -> None:
    ledger = opened()
    assert ledger.slot("lock") is None
    assert ledger.swap("lock", None, {"n": 1})
    assert not ledger.swap("lock", None, {"n": 2})
    assert ledger.slot("lock") == {"n": 1}
    assert ledger.swap("lock", {"n": 1}, None)
    assert ledger.slot("lock") is None


def test_a_claim_whose_answer_was_lost_is_decided_by_reading_it_back(api: Api, opened: Open) -> None:
    ledger = opened()
    api.fault({"kind": "reset", "phase": "after", "count": 1, "match": {"method": "PUT", "path": "/values/"}})
    assert ledger.swap("lock", None, {"n": 1})
    api.fault({"kind": "reset", "count": 1, "match": {"method": "PUT", "path": "/values/"}})
    assert not ledger.swap("lock", {"n": 1}, {"n": 2})
    assert ledger.slot("lock") == {"n": 1}


@pytest.mark.parametrize("takers", [2, 6])
def test_of_runs_that_take_the_lock_at_once_one_has_it(opened: Open, takers: int) -> None:
    start, done, told = FORK.Barrier(takers), FORK.Event(), FORK.Queue()
    processes = [FORK.Process(target=_take, args=(opened, f"r{n}", start, done, told)) for n in range(takers)]
    for process in processes:
        process.start()
    try:
        answers = dict(told.get(timeout=60) for _ in processes)
    finally:
        done.set()
        for process in processes:
            process.join(60)
    (winner,) = [run for run, holder in answers.items() if holder == run]
    # The others may have been told of a claim that did not last.
    found = opened().slot("lock")
    assert found is not None and found["run"] == winner


def _take(opened: Open, run: str, start: Any, done: Any, told: Any) -> None:
    ledger = opened(run)
    start.wait(60)
    found = take(ledger, "rollback", run, LEASE, pid=os.getpid())
    told.put((run, found.holder.run if isinstance(found, Held) else found.run))
    # A winner that ended would leave the lock to the next.
    done.wait(60)


def test_a_lock_that_was_taken_over_is_lost(opened: Open) -> None:
    mine = opened("ann")
    first = take(mine, "rollback", "r1", timedelta(0), pid=os.getpid())
    second = take(opened("bob"), "deploy", "r2", LEASE, pid=os.getpid())
    assert isinstance(first, Holder) and isinstance(second, Holder)
    assert second.generation == first.generation + 1
    with pytest.raises(Lost):
        renew(mine, "r1", LEASE)
