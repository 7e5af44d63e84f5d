"""Time Travel of the local D1: exact states, whatever was done in between, and whatever was killed."""

import random
import sqlite3
import time
from pathlib import Path

import pytest

from local_cloudflare.d1 import wal
from local_cloudflare.d1.engine import DATA, HISTORY, Engine, Statement
from local_cloudflare.d1.history import HistoryError
from local_cloudflare.d1.sql import literal, statements

DAY = 86_400.0


class Clock:
    """Seconds since 1970, moved by the test."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path, clock: Clock) -> Engine:
    return Engine(tmp_path / "d1", "uuid", clock)


def run(engine: Engine, *sql: str) -> None:
    engine.run([Statement(one) for one in sql])


def content(engine: Engine) -> list[str]:
    return list(engine.dump(schema=True, data=True, tables=()))


def back(engine: Engine, bookmark: str) -> None:
    engine.restore(lambda history: history.find(bookmark))


@pytest.mark.parametrize("seed", range(5))
def test_every_bookmark_is_exactly_its_state(engine: Engine, clock: Clock, seed: int) -> None:
    chance = random.Random(seed)
    states: dict[str, list[str]] = {engine.moment.bookmark: content(engine)}
    tables: set[str] = set()

    def change() -> None:
        name = f"t{chance.randrange(4)}"
        kind = chance.random()
        if name not in tables:
            tables.add(name)
            run(
                engine,
                f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, v BLOB)",
                f"CREATE INDEX i{name} ON {name} (v)",
            )
        elif kind < 0.2:
            tables.discard(name)
            run(engine, f"DROP TABLE {name}")
        elif kind < 0.6:
            count, size = chance.choice(((1, 10), (300, 100), (5, 20_000)))
            insert = f"INSERT INTO {name} (v) SELECT randomblob({size}) FROM n"
            run(
                engine,
                f"WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n LIMIT {count}) {insert}",
            )
        else:
            run(engine, f"DELETE FROM {name} WHERE id % {chance.randrange(1, 4)} = 0")

    for _ in range(40):
        clock.now += 120
        if chance.random() < 0.2:
            bookmark = chance.choice(list(states))
            back(engine, bookmark)
            assert content(engine) == states[bookmark]
            tables = {f"t{n}" for n in range(4) if f"CREATE TABLE t{n} " in "\n".join(states[bookmark])}
        else:
            change()
        states[engine.moment.bookmark] = content(engine)
    assert list(states) == sorted(states)
    for bookmark in chance.sample(list(states), 20):
        clock.now += 120
        back(engine, bookmark)
        assert content(engine) == states[bookmark]
        assert engine.run([Statement("PRAGMA quick_check")])[0].rows == [("ok",)]


def test_a_commit_that_was_killed_before_it_was_recorded(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(engine, "CREATE TABLE t (x)")
    before = engine.moment.bookmark
    with monkeypatch.context() as patched:
        patched.setattr(wal, "committed", lambda *_: None)
        run(engine, "INSERT INTO t VALUES (1)")
    assert engine.moment.bookmark == before
    again = Engine(tmp_path / "d1", "uuid")
    after = again.moment.bookmark
    assert after > before and '"x") VALUES(1)' in content(again)[-1]
    back(again, before)
    back(again, after)
    assert '"x") VALUES(1)' in content(again)[-1]


def test_a_restore_that_was_killed_is_finished_at_the_next_start(engine: Engine, tmp_path: Path) -> None:
    run(engine, "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)")
    good, state = engine.moment.bookmark, content(engine)
    run(engine, "DROP TABLE t", "CREATE TABLE other (x)")
    bad = (tmp_path / "d1" / DATA).read_bytes()
    back(engine, good)
    after = engine.moment.bookmark
    engine.close()
    # As it is when the history has the restore and the file does not.
    (tmp_path / "d1" / DATA).write_bytes(bad)
    with sqlite3.connect(tmp_path / "d1" / HISTORY) as history:
        history.execute("UPDATE moments SET applied = 0 WHERE restored IS NOT NULL")
    again = Engine(tmp_path / "d1", "uuid")
    assert (content(again), again.moment.bookmark) == (state, after)


def test_window_and_limit(tmp_path: Path, engine: Engine, clock: Clock) -> None:
    run(engine, "CREATE TABLE t (x)")
    old = engine.moment.bookmark
    clock.now += 1
    run(engine, "INSERT INTO t VALUES (1)")
    kept, state = engine.moment.bookmark, content(engine)
    clock.now += 29 * DAY
    run(engine, "INSERT INTO t VALUES (2)")
    for _ in range(10):
        back(engine, kept)
    with pytest.raises(HistoryError, match="10 per 10 minutes"):
        back(engine, kept)
    clock.now += 601
    back(engine, old)
    clock.now += DAY
    with pytest.raises(HistoryError, match="30 days"):
        back(engine, old)
    with pytest.raises(HistoryError, match="30 days"):
        engine.at(clock.now - 30 * DAY - 60)
    assert engine.at(clock.now - 30 * DAY + 1).bookmark == kept
    engine.close()
    again = Engine(tmp_path / "d1", "uuid", clock)
    back(again, kept)  # its state was current within the window
    assert content(again) == state
    with pytest.raises(HistoryError, match="No such bookmark"):
        back(again, old)


def test_statements() -> None:
    trigger = "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; SELECT ';'; END;"
    script = f"/* ; */ SELECT 'a;''b'; -- ;\n;{trigger}\nSELECT 2 -- no end"
    assert list(statements(script)) == ["SELECT 'a;''b';", trigger, "SELECT 2 -- no end"]


@pytest.mark.parametrize(
    "value", [None, 0, -1, 2**62, 0.1, 1e300, float("inf"), "", "it's\n\"", "\0a", "é", b"", b"\0\xff"]
)
def test_literals(value: object) -> None:
    (found,) = sqlite3.connect(":memory:").execute(f"SELECT {literal(value)}").fetchone()
    assert found == value and type(found) is type(value)
