"""One run at a time: who gets the lock, who keeps it, and when it is taken over."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

import pytest

from plugins.module_utils.ledger.backend import open_backend
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.ledger.lock import Held, Holder, Lost, break_, release, renew, take

LEASE = timedelta(minutes=3)
FORK = multiprocessing.get_context("fork")


def open_ledger(path: Path) -> Ledger:
    return Ledger(open_backend({"backend": "directory", "path": str(path)}, client=pytest.fail), by="ann")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return open_ledger(tmp_path)


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """Another process that lives."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def held_by(ledger: Ledger, run: str, pid: int | None = None, lease: timedelta = LEASE) -> Holder:
    found = take(ledger, "rollback", run, lease, pid=pid or os.getpid())
    assert isinstance(found, Holder)
    return found


def refused_to(ledger: Ledger, run: str) -> Holder:
    found = take(ledger, "deploy", run, LEASE, pid=os.getpid())
    assert isinstance(found, Held)
    return found.holder


def test_the_first_has_it_and_the_second_hears_who(ledger: Ledger) -> None:
    mine = held_by(ledger, "r1")
    assert refused_to(ledger, "r2") == mine
    assert (mine.purpose, mine.by, mine.run, mine.pid, mine.generation) == (
        "rollback",
        "ann",
        "r1",
        os.getpid(),
        1,
    )


def test_it_is_free_after_it_was_given_back(ledger: Ledger) -> None:
    held_by(ledger, "r1")
    release(ledger, "r1")
    assert held_by(ledger, "r2").generation == 2


def test_only_its_run_gives_it_back(ledger: Ledger) -> None:
    held_by(ledger, "r1")
    release(ledger, "r2")
    assert refused_to(ledger, "r2").run == "r1"


def test_any_process_of_the_run_takes_it_again(ledger: Ledger, other: subprocess.Popen[bytes]) -> None:
    first = held_by(ledger, "r1")
    second = held_by(ledger, "r1", pid=other.pid)
    assert second.generation == first.generation
    assert second.until > first.until
    assert refused_to(ledger, "r2") == second


def test_a_lease_that_is_over_is_taken_over(ledger: Ledger, other: subprocess.Popen[bytes]) -> None:
    held_by(ledger, "r1", pid=other.pid, lease=timedelta(0))
    assert held_by(ledger, "r2").generation == 2
    with pytest.raises(Lost, match=r"run r2 .*took the lock over from run r1"):
        renew(ledger, "r1", LEASE)


def test_a_run_that_nobody_took_over_goes_on_after_its_lease(ledger: Ledger) -> None:
    held_by(ledger, "r1", lease=timedelta(0))
    renew(ledger, "r1", LEASE)
    assert refused_to(ledger, "r2").run == "r1"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process started")
@pytest.mark.parametrize("reaped", [True, False])
def test_a_killed_holder_is_taken_over_at_once(
    ledger: Ledger, other: subprocess.Popen[bytes], reaped: bool
) -> None:
    held_by(ledger, "r1", pid=other.pid)
    assert refused_to(ledger, "r2").run == "r1"
    other.kill()
    if reaped:
        other.wait()
    else:
        os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert held_by(ledger, "r2").generation == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process started")
def test_a_process_that_got_the_number_of_the_holder_is_not_the_holder(ledger: Ledger) -> None:
    mine = held_by(ledger, "r1")
    place, _, tick = mine.started.rpartition(":")
    as_if(ledger, started=f"{place}:{int(tick) - 1}")
    assert held_by(ledger, "r2").generation == 2


@pytest.mark.parametrize("started", ["", "another boot:pid:[4026531836]:99"])
def test_a_holder_that_cannot_be_looked_at_has_its_lease(ledger: Ledger, started: str) -> None:
    held_by(ledger, "r1")
    as_if(ledger, host="elsewhere", started=started, pid=2**22)
    assert refused_to(ledger, "r2").host == "elsewhere"


def test_the_lock_is_broken_with_a_reason(ledger: Ledger) -> None:
    mine = held_by(ledger, "r1")
    assert break_(ledger, "its runner is gone") == mine
    (entry,) = ledger.entries()
    assert (entry.kind, entry.body["reason"], entry.body["holder"]["run"]) == (
        "lock_broken",
        "its runner is gone",
        "r1",
    )
    with pytest.raises(Lost, match="taken away from run r1"):
        renew(ledger, "r1", LEASE)
    assert held_by(ledger, "r2").generation == 2


def test_there_is_nothing_to_break_where_nobody_has_it(ledger: Ledger) -> None:
    assert break_(ledger, "why not") is None
    held_by(ledger, "r1")
    release(ledger, "r1")
    assert break_(ledger, "why not") is None
    assert ledger.entries() == []


def test_a_renewed_lease_ends_later(ledger: Ledger) -> None:
    mine = held_by(ledger, "r1", lease=LEASE / 2)
    later = renew(ledger, "r1", LEASE)
    assert later is not None and later.until > mine.until
    assert refused_to(ledger, "r2") == later


def test_nothing_is_written_for_a_lease_that_is_nearly_new(ledger: Ledger) -> None:
    assert renew(ledger, "r1", LEASE) is None
    mine = held_by(ledger, "r1")
    assert renew(ledger, "r1", LEASE) == mine


def test_of_twenty_that_race_for_it_one_gets_it(ledger: Ledger, tmp_path: Path) -> None:
    race(tmp_path, "1")


def test_of_twenty_that_race_for_a_dead_one_one_gets_it(ledger: Ledger, tmp_path: Path) -> None:
    held_by(ledger, "r1", lease=timedelta(0))
    race(tmp_path, "2")


def race(path: Path, generation: str) -> None:
    runners = 20
    told: Queue[tuple[str, str]] = FORK.Queue()
    start, done = FORK.Barrier(runners), FORK.Event()
    arguments = (path, told, start, done)
    processes = [FORK.Process(target=racer, args=(f"racer {n}", *arguments)) for n in range(runners)]
    for process in processes:
        process.start()
    try:
        answers = [told.get(timeout=60) for _ in processes]
    finally:
        done.set()
        for process in processes:
            process.join(60)
    winners = [run for run, won in answers if won]
    assert len(winners) == 1
    assert [won for _, won in answers if won] == [generation]


def racer(run: str, path: Path, told: Queue[tuple[str, str]], start: Barrier, done: Event) -> None:
    ledger = open_ledger(path)
    start.wait(60)
    found = take(ledger, "rollback", run, LEASE, pid=os.getpid())
    told.put((run, str(found.generation) if isinstance(found, Holder) else ""))
    # A winner that ended would leave the lock to the next.
    done.wait(60)


def as_if(ledger: Ledger, **told: object) -> None:
    found = ledger.slot("lock")
    assert found is not None and ledger.swap("lock", found, {**found, **told})
