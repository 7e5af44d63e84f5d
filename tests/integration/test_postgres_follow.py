"""A comparison that is kept up with a database that is written on ends as one that is made when all is still."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2 import sql

from plugins.module_utils.postgres import fence
from plugins.module_utils.postgres.compare import Difference, compare, open_pair
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.postgres.export import Export
from plugins.module_utils.postgres.follow import follow
from plugins.module_utils.postgres.put_back import SCRIPT
from plugins.module_utils.postgres.written import Window
from tests.support.postgres import Postgres, events, journal

# Keys of which COPY writes some otherwise than a cast does, equal ones that read differently, and none.
SCHEMA = """
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (id bigserial PRIMARY KEY, parent int NOT NULL REFERENCES parents, body text);
CREATE TABLE flags (yes bool, word char(6), PRIMARY KEY (yes, word), note text);
CREATE TABLE amounts (amount numeric PRIMARY KEY, note text);
CREATE TABLE loose (body text, number int);
CREATE TABLE quiet (id int PRIMARY KEY);
CREATE TABLE parted (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO parents SELECT n, 'parent ' || n FROM generate_series(1, 40) n;
INSERT INTO children (parent, body) SELECT 1 + n % 40, E'line\\n"' || n FROM generate_series(1, 300) n;
INSERT INTO flags SELECT n % 2 = 0, 'w' || n, NULL FROM generate_series(1, 60) n;
INSERT INTO amounts SELECT n, '' FROM generate_series(1, 60) n;
INSERT INTO loose SELECT 'loose ' || n % 20, n % 3 FROM generate_series(1, 60) n;
INSERT INTO quiet SELECT generate_series(1, 10);
INSERT INTO parted SELECT n, date '2025-12-01' + n FROM generate_series(1, 60) n;
"""
# {n} is a row, and {m} another.
STATEMENTS = (
    "INSERT INTO parents VALUES ({n} + 40, 'new') ON CONFLICT (id) DO UPDATE SET name = parents.name || '.'",
    "INSERT INTO children (parent, body) SELECT id, E'a\\r\\nb,\"' FROM parents ORDER BY id LIMIT 1 OFFSET {n} % 20",
    "UPDATE children SET body = NULL WHERE id = {n}",
    "UPDATE children SET body = body WHERE id = {m}",
    "UPDATE children SET id = id + 100000 WHERE id = {n}",
    "DELETE FROM children WHERE id IN ({n}, {m})",
    "DELETE FROM parents p WHERE id = {n} AND NOT EXISTS (SELECT FROM children WHERE parent = p.id)",
    "UPDATE flags SET note = '{m}' WHERE word = 'w{n}'",
    "UPDATE flags SET yes = NOT yes WHERE word = 'w{n}'",
    "INSERT INTO flags VALUES (true, 'x{n}', '') ON CONFLICT DO NOTHING",
    "DELETE FROM flags WHERE word IN ('w{n}', 'x{m}')",
    "UPDATE amounts SET amount = amount + 0.00 WHERE amount = {n}",
    "UPDATE amounts SET note = '{m}' WHERE amount = {n}",
    "DELETE FROM amounts WHERE amount = {n}",
    "INSERT INTO amounts VALUES ({n}.0, 'again') ON CONFLICT DO NOTHING",
    "UPDATE parted SET at = date '2025-06-01' + {m} WHERE id = {n}",
    "SELECT FROM parents WHERE id = {n} FOR KEY SHARE",
    "SELECT FROM children WHERE id = {n} FOR UPDATE",
)
LOOSE = (
    "UPDATE loose SET number = {m} WHERE body = 'loose {n}'",
    "INSERT INTO loose SELECT * FROM loose WHERE body = 'loose {n}' LIMIT 2",
    "DELETE FROM loose WHERE body = 'loose {n}'",
)


@pytest.fixture
def pair(postgres: Postgres) -> Iterator[tuple[str, str]]:
    """The newer database, which has changed since, and the older one."""
    newer, older = "shop", "shop_then"
    postgres.create(newer, SCHEMA)
    postgres.sql("postgres", f"CREATE DATABASE {older} TEMPLATE {newer}")
    yield newer, older
    for name in postgres.databases():
        postgres.sql("postgres", sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def afresh(
    postgres: Postgres, pair: tuple[str, str], folder: Path
) -> tuple[list[Difference], dict[str, list[str]]]:
    """What a comparison from the beginning finds and exports."""
    with open_pair(postgres.server(pair[0]), postgres.server(pair[1])) as opened:
        sink = Export(opened, folder)
        found = compare(opened, sink=sink)
        sink.finish()
    return found, exported(folder)


def exported(folder: Path) -> dict[str, list[str]]:
    """The records of each file; numbers of files may differ."""
    files = {path.name.partition("_")[2]: path for path in folder.iterdir() if path.name != SCRIPT}
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    return {name: sorted(records(path.read_bytes().decode())) for name, path in files.items()}


def records(text: str) -> Iterator[str]:
    """As they stand: ends of lines between quotes belong to a value."""
    quoted, start = False, 0
    for place, character in enumerate(text):
        quoted ^= character == '"'
        if character == "\n" and not quoted:
            yield text[start:place]
            start = place + 1


def random_statement(dice: random.Random, statements: tuple[str, ...]) -> str:
    return dice.choice(statements).format(n=dice.randint(1, 60), m=dice.randint(1, 60))


class Writer(threading.Thread):
    """Transactions with savepoints of which some are rolled back, until its session is ended."""

    def __init__(self, dsn: str, seed: int) -> None:
        super().__init__(daemon=True)
        self.transactions = 0
        self.end = ""
        self._dsn = dsn
        self._dice = random.Random(seed)

    def run(self) -> None:
        connection = psycopg2.connect(self._dsn)
        try:
            while True:
                self._transaction(connection.cursor())
                connection.commit() if self._dice.random() < 0.8 else connection.rollback()
                self.transactions += 1
        except psycopg2.Error as error:
            self.end = repr(error)

    def _transaction(self, cursor: Any) -> None:
        for _ in range(self._dice.randint(1, 4)):
            cursor.execute("SAVEPOINT s")
            with contextlib.suppress(psycopg2.IntegrityError, psycopg2.extensions.TransactionRollbackError):
                cursor.execute(random_statement(self._dice, (*STATEMENTS, *LOOSE)))
                if self._dice.random() < 0.8:
                    cursor.execute("RELEASE s")
                    continue
            cursor.execute("ROLLBACK TO s")


@pytest.mark.parametrize(("seed", "superuser"), [(1, True), (2, True), (3, False)])
def test_with_writers_the_end_is_that_of_a_comparison_behind_the_fence(
    postgres: Postgres, pair: tuple[str, str], tmp_path: Path, seed: int, superuser: bool
) -> None:
    dsn = postgres.as_role(pair[0])
    writers = [Writer(dsn, seed * 10 + number) for number in range(3)]
    # Open before the first look, and committed after it; it writes before and between.
    long = psycopg2.connect(dsn)
    long.cursor().execute("INSERT INTO children (parent, body) SELECT 1, 'long' FROM generate_series(1, 50)")
    long.cursor().execute("SAVEPOINT inner_one")
    long.cursor().execute("UPDATE quiet SET id = id + 1000 WHERE id <= 2")
    for writer in writers:
        writer.start()
    wait_for(writers, 30)
    log = journal(tmp_path)
    newer, older = (
        postgres.server(name) if superuser else Server.of(postgres.as_role(name)) for name in pair
    )
    with follow(newer, older, keep=tmp_path / "kept", journal=log) as followed:
        wait_for(writers, 30)
        followed.catch_up()
        long.commit()
        wait_for(writers, 30)
        followed.catch_up()
        wait_for(writers, 30)
        with fence.hold(newer, journal=log, spared=followed.pids):
            found = followed.catch_up(fenced=True)
            followed.finish()
    for writer in writers:
        writer.join()
    expected, files = afresh(postgres, pair, tmp_path / "afresh")
    assert found == expected
    assert sum(each.is_loss for each in found) >= 6
    assert exported(tmp_path / "kept") == files
    whole = [event["compared_whole"] for event in events(log) if event["event"].endswith("caught_up")]
    assert {name for each in whole for name in each} <= {"public.loose"}


def wait_for(writers: list[Writer], transactions: int) -> None:
    deadline = time.monotonic() + 30
    for writer in writers:
        goal = writer.transactions + transactions
        while writer.transactions < goal:
            assert writer.is_alive(), writer.end
            assert time.monotonic() < deadline
            time.sleep(0.002)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["own", "open", "inner", "commit", "rollback", "look"]),
        st.sampled_from(STATEMENTS),
        st.integers(1, 12),
        st.integers(1, 12),
    ),
    min_size=3,
    max_size=25,
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    database=None,
)
@given(steps=STEPS)
def test_whatever_was_open_at_a_look_the_end_is_the_same(
    postgres: Postgres, pair: tuple[str, str], tmp_path_factory: pytest.TempPathFactory, steps: Any
) -> None:
    """One transaction stays open over looks, while others come and go."""
    folder = tmp_path_factory.mktemp("follow")
    newer, older = (postgres.server(name) for name in pair)
    with (
        postgres.cursor(pair[0], postgres.as_role(pair[0])) as own,
        contextlib.closing(psycopg2.connect(postgres.as_role(pair[0]))) as long,
        follow(newer, older, keep=folder / "kept", journal=journal(folder)) as followed,
    ):
        for other in (own, long.cursor()):
            other.execute("SET lock_timeout = '20ms'")
        long.commit()
        for kind, statement, n, m in steps:
            with contextlib.suppress(psycopg2.IntegrityError, psycopg2.errors.LockNotAvailable):
                if kind == "own":
                    own.execute(statement.format(n=n, m=m))
                elif kind in ("open", "inner"):
                    inside(long.cursor(), statement.format(n=n, m=m), kept=kind == "open")
                elif kind == "look":
                    followed.catch_up()
                else:
                    getattr(long, kind)()
        with fence.hold(newer, journal=journal(folder), spared=followed.pids):
            found = followed.catch_up(fenced=True)
            followed.finish()
    expected, files = afresh(postgres, pair, folder / "afresh")
    assert found == expected
    assert exported(folder / "kept") == files


def inside(cursor: Any, statement: str, *, kept: bool) -> None:
    """In a subtransaction, as it is known to the server by a number of its own."""
    cursor.execute("SAVEPOINT s")
    try:
        cursor.execute(statement)
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO s")
        raise
    cursor.execute("RELEASE s" if kept else "ROLLBACK TO s")


def test_a_row_that_several_had_locked_is_found_when_it_goes(
    postgres: Postgres, pair: tuple[str, str], tmp_path: Path
) -> None:
    """Its xmax is then the number of a list of transactions, which looks like that of an old one."""
    log = journal(tmp_path)
    newer, older = (postgres.server(name) for name in pair)
    with contextlib.ExitStack() as stack:
        others = [
            stack.enter_context(contextlib.closing(psycopg2.connect(postgres.as_role(pair[0])))) for _ in "ab"
        ]
        followed = stack.enter_context(follow(newer, older, journal=log))
        for other in others:
            other.cursor().execute("SELECT FROM parents WHERE id <= 5 FOR KEY SHARE")
        others[0].cursor().execute("UPDATE parents SET name = 'touched' WHERE id <= 3")
        for other in others:
            other.commit()
        found = {each.full_name: each for each in followed.catch_up()}
    assert found["public.parents"].changed == 3
    assert events(log)[-1]["compared_whole"] == {}


def test_what_cannot_be_followed_is_compared_whole_and_told(
    postgres: Postgres, pair: tuple[str, str], tmp_path: Path
) -> None:
    newer, older = (postgres.server(name) for name in pair)
    log = journal(tmp_path)
    with follow(newer, older, keep=tmp_path / "kept", journal=log) as followed:
        postgres.sql(pair[0], "CREATE TABLE late AS SELECT generate_series(1, 7) n")
        postgres.sql(pair[0], "INSERT INTO loose VALUES ('more', 1)")
        followed.catch_up()
        postgres.sql(pair[0], "INSERT INTO late VALUES (8)")
        found = followed.catch_up()
        followed.finish()
    told = [
        event["compared_whole"] for event in events(log) if event["event"] == "postgres.compare.caught_up"
    ]
    assert set(told[0]) == {"public.late", "public.loose"}
    assert "no primary key" in told[0]["public.loose"]
    assert set(told[1]) == {"public.late"}
    expected, files = afresh(postgres, pair, tmp_path / "afresh")
    assert found == expected
    assert exported(tmp_path / "kept") == files


@pytest.mark.parametrize(
    ("database", "statement"),
    [
        ("", ""),
        ("shop", "SELECT pg_stat_reset()"),
        ("postgres", "ALTER ROLE app IN DATABASE shop SET track_counts = off"),
    ],
)
def test_a_table_is_passed_over_only_where_the_counts_of_the_server_can_be_trusted(
    postgres: Postgres, pair: tuple[str, str], tmp_path: Path, database: str, statement: str
) -> None:
    newer, older = (postgres.server(name) for name in pair)
    log = journal(tmp_path)
    with follow(newer, older, journal=log) as followed:
        if statement:
            postgres.sql(database, statement)
        with postgres.cursor(pair[0], postgres.as_role(pair[0])) as cursor:
            cursor.execute("INSERT INTO quiet VALUES (11)")
        with fence.hold(newer, journal=log, spared=followed.pids):
            found = {each.full_name: each for each in followed.catch_up(fenced=True)}
    assert found["public.quiet"].inserted == 1
    told = next(event for event in events(log) if event["event"] == "postgres.compare.caught_up")
    assert (told["untouched"] > 0) is (not statement and postgres.major >= 15)


@pytest.mark.parametrize(
    "low", [3, 700, (1 << 32) - 5, (1 << 32) - (1 << 24), 5 * (1 << 32) + 9, (1 << 40) - 1]
)
def test_transaction_numbers_that_come_around_are_inside(postgres: Postgres, low: int) -> None:
    window = Window(low)
    for distance, inside_ in ((0, True), (1, True), ((1 << 24) - 1, True), (1 << 24, False), (-1, False)):
        number = (low + distance) % (1 << 32)
        condition = window.holds(sql.SQL("'{}'::xid").format(sql.Literal(number)))
        assert postgres.sql("postgres", sql.SQL("SELECT {}").format(condition)) == [(inside_,)], distance
