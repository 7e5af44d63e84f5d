"""Fences and swaps: nothing that was acknowledged disappears uncounted, and there is a way back."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from plugins.module_utils.postgres import backup, fence, restore
from plugins.module_utils.postgres.compare import compare, open_pair
from plugins.module_utils.postgres.errors import DatabaseError
from plugins.module_utils.postgres.swap import kept_by, swap, undo
from tests.support.postgres import Postgres, events, journal


@pytest.fixture
def shop(postgres: Postgres) -> Iterator[str]:
    """The live database; all of the test's databases are dropped at its end."""
    postgres.create("shop")
    yield "shop"
    for name in postgres.databases():
        postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


class Writer(threading.Thread):
    """An application that writes one row after the other and connects again when it loses its connection."""

    def __init__(self, dsn: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[int] = []
        self.faults: set[str] = set()
        self.longest = 0.0
        self._dsn = dsn
        self._end = threading.Event()

    def run(self) -> None:
        number = 0
        last = time.monotonic()
        while not self._end.is_set():
            with contextlib.suppress(psycopg2.Error):
                connection = psycopg2.connect(self._dsn)
                connection.autocommit = True
                try:
                    while not self._end.is_set():
                        number += 1
                        connection.cursor().execute(
                            "INSERT INTO audit_log (what) VALUES (%s)", (f"w{number}",)
                        )
                        self.acknowledged.append(number)
                        self.longest = max(self.longest, time.monotonic() - last)
                        last = time.monotonic()
                except psycopg2.Error as error:
                    self.faults.add(error.pgcode or "connection lost")
                finally:
                    connection.close()
            time.sleep(0.002)

    def stop(self) -> None:
        self._end.set()
        self.join()


def written(postgres: Postgres, database: str) -> set[int]:
    return {
        int(what[1:]) for (what,) in postgres.sql(database, "SELECT what FROM audit_log WHERE what LIKE 'w%'")
    }


def wait_for(count: int, writer: Writer) -> None:
    deadline = time.monotonic() + 10
    seen = len(writer.acknowledged)
    while len(writer.acknowledged) < seen + count:
        assert time.monotonic() < deadline, writer.faults
        time.sleep(0.01)


def test_every_acknowledged_write_is_accounted_for(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    server, log = postgres.server(shop), journal(tmp_path)
    writer = Writer(postgres.as_role(shop))
    writer.start()
    wait_for(20, writer)
    made = backup.make(server, tmp_path / "backups", tools=postgres.tools, journal=log)
    wait_for(20, writer)
    side = restore.side(server, made, tools=postgres.tools, journal=log)
    done = swap(server, side, journal=log)
    wait_for(20, writer)
    writer.stop()
    assert done.changed
    assert done.seconds < 1
    assert writer.longest < 2
    before, after = written(postgres, done.kept), written(postgres, shop)
    assert set(writer.acknowledged) <= before | after
    with open_pair(server.database(done.kept), server.database(shop)) as pair:
        loss = next(each for each in compare(pair) if each.name == "audit_log")
    # New rows took numbers that the kept database has too: they are changed ones to a comparison by key.
    assert loss.inserted + loss.changed >= len(before - after) > 0
    # From now on nothing can be added to what was counted.
    with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction), postgres.cursor(done.kept) as cursor:
        cursor.execute("INSERT INTO audit_log (what) VALUES ('late')")


def test_undo_puts_the_kept_database_back_and_keeps_the_other(
    postgres: Postgres, shop: str, tmp_path: Path
) -> None:
    server, log = postgres.server(shop), journal(tmp_path, "the-run")
    postgres.sql("postgres", f"CREATE DATABASE shop_side TEMPLATE {shop}")
    postgres.sql(shop, "INSERT INTO users (email) VALUES ('only in the first')")
    first = swap(server, "shop_side", journal=log)
    assert kept_by(server, "the-run") == first.kept
    postgres.sql(shop, "INSERT INTO users (email) VALUES ('since')")
    back = undo(server, first.kept, journal=log)
    emails = {email for (email,) in postgres.sql(shop, "SELECT email FROM users")}
    assert "only in the first" in emails
    assert "since" not in emails
    assert back.kept.startswith("shop_undone_")
    assert ("since",) in postgres.sql(back.kept, "SELECT email FROM users")
    postgres.sql(shop, "INSERT INTO users (email) VALUES ('it can be written again')")
    again = undo(server, first.kept, journal=log)
    assert not again.changed
    assert postgres.databases() == {shop, back.kept}


def test_a_second_swap_changes_nothing(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    server, log = postgres.server(shop), journal(tmp_path)
    postgres.sql("postgres", f"CREATE DATABASE shop_side TEMPLATE {shop}")
    first = swap(server, "shop_side", journal=log)
    second = swap(server, "shop_side", journal=log)
    assert (second.kept, second.changed) == (first.kept, False)
    with pytest.raises(DatabaseError, match="no database nowhere to swap in: there is shop"):
        swap(server, "nowhere", journal=log)


def test_an_undo_after_another_swap_is_refused(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    server, log = postgres.server(shop), journal(tmp_path)
    for side in ("shop_a", "shop_b"):
        postgres.sql("postgres", f"CREATE DATABASE {side} TEMPLATE {shop}")
    first = swap(server, "shop_a", journal=log)
    swap(server, "shop_b", journal=log)
    with pytest.raises(DatabaseError, match="another swap came after it"):
        undo(server, first.kept, journal=log)
    with pytest.raises(DatabaseError, match="was not kept by a swap"):
        undo(server, "postgres", journal=log)


def attributes(postgres: Postgres, name: str) -> object:
    """What belongs to the name and not to the data."""
    row = postgres.sql(
        "postgres",
        "SELECT pg_get_userbyid(datdba), datconnlimit, datallowconn, shobj_description(oid, 'pg_database'),"
        " (SELECT array_agg(x::text ORDER BY x::text) FROM aclexplode(datacl) a,"
        "  LATERAL (SELECT a.grantee, a.privilege_type, a.is_grantable) x),"
        " (SELECT array_agg(ARRAY[setrole::text, c] ORDER BY setrole, c) FROM pg_db_role_setting,"
        "  unnest(setconfig) c WHERE setdatabase = d.oid)"
        " FROM pg_database d WHERE datname = %s",
        (name,),
    )
    return row[0]


def test_what_belongs_to_the_name_stays_with_the_name(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    for statement in (
        "CREATE ROLE reader",
        f"REVOKE ALL ON DATABASE {shop} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {shop} TO reader WITH GRANT OPTION",
        f"ALTER DATABASE {shop} CONNECTION LIMIT 40",
        f"ALTER DATABASE {shop} SET search_path = \"$user\", public, 'Odd, one'",
        f"ALTER DATABASE {shop} SET work_mem = '8MB'",
        f"ALTER ROLE app IN DATABASE {shop} SET statement_timeout = '30s'",
        f"COMMENT ON DATABASE {shop} IS 'The shop''s own'",
        "CREATE DATABASE shop_side",
        "ALTER DATABASE shop_side SET work_mem = '1MB'",
    ):
        postgres.sql("postgres", statement)
    try:
        expected = attributes(postgres, shop)
        server, log = postgres.server(shop), journal(tmp_path)
        done = swap(server, "shop_side", journal=log)
        assert attributes(postgres, shop) == expected
        undo(server, done.kept, journal=log)
        assert attributes(postgres, shop) == expected
    finally:
        for name in postgres.databases():
            postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
        postgres.sql("postgres", "DROP ROLE reader")


@pytest.mark.parametrize(
    ("mode", "read", "code"),
    [(fence.CLOSED, False, "55000"), (fence.LIMIT, False, "53300"), (fence.READ_ONLY, True, "25006")],
)
def test_a_fence_ends_sessions_and_is_lifted(
    postgres: Postgres, shop: str, tmp_path: Path, mode: str, read: bool, code: str
) -> None:
    expected = attributes(postgres, shop)
    idle = psycopg2.connect(postgres.as_role(shop))
    busy = psycopg2.connect(postgres.as_role(shop))
    busy.cursor().execute("INSERT INTO users (email) VALUES ('not committed')")
    log = journal(tmp_path)
    with fence.hold(postgres.server(shop), mode=mode, journal=log):
        for open_before in (idle, busy):
            with pytest.raises(psycopg2.Error):
                open_before.cursor().execute("SELECT 1")
        with pytest.raises(psycopg2.Error) as refused:
            connection = psycopg2.connect(postgres.as_role(shop))
            connection.cursor().execute("SELECT count(*) FROM users")
            assert read
            connection.cursor().execute("INSERT INTO users (email) VALUES ('kept off')")
        if read:
            assert refused.value.pgcode == code
        else:
            assert {"55000": "not currently accepting", "53300": "too many connections"}[code] in str(
                refused.value
            )
    assert attributes(postgres, shop) == expected
    with postgres.cursor(shop, postgres.as_role(shop)) as cursor:
        cursor.execute("INSERT INTO users (email) VALUES ('in again')")
        cursor.execute("SELECT FROM users WHERE email IN ('not committed', 'kept off')")
        assert cursor.rowcount == 0
    assert events(log)[-1]["event"] == "postgres.fence.down"


@pytest.mark.parametrize("mode", fence.MODES)
def test_a_session_that_is_just_being_let_in_is_waited_for(
    postgres: Postgres, shop: str, tmp_path: Path, mode: str
) -> None:
    """It was allowed in before the fence, no list of sessions shows it yet, and it would write behind it."""

    def late() -> None:
        with contextlib.suppress(psycopg2.Error):
            connection = psycopg2.connect(postgres.as_role(shop), options="-c post_auth_delay=1")
            connection.autocommit = True
            while True:
                connection.cursor().execute("INSERT INTO users (email) VALUES (gen_random_uuid())")

    with postgres.cursor(shop) as own:
        thread = threading.Thread(target=late, daemon=True)
        thread.start()
        entering = "SELECT count(*) FROM pg_locks WHERE classid = 'pg_database'::regclass AND objid = %s"
        own.execute("SELECT oid FROM pg_database WHERE datname = %s", (shop,))
        (oid,) = own.fetchone()
        deadline = time.monotonic() + 10
        while postgres.sql("postgres", entering, (oid,)) == [(0,)]:
            assert time.monotonic() < deadline
        spared = [own.connection.info.backend_pid]
        with fence.hold(postgres.server(shop), mode=mode, journal=journal(tmp_path), spared=spared):
            own.execute("SELECT count(*) FROM users")
            users = own.fetchone()
            thread.join(3)
            own.execute("SELECT count(*) FROM users")
            assert own.fetchone() == users


def test_a_fence_comes_down_when_the_work_fails(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    expected = attributes(postgres, shop)
    with pytest.raises(RuntimeError), fence.hold(postgres.server(shop), journal=journal(tmp_path)):
        raise RuntimeError
    assert attributes(postgres, shop) == expected


def test_a_prepared_transaction_is_named_before_anything_is_closed(
    postgres: Postgres, shop: str, tmp_path: Path
) -> None:
    connection = psycopg2.connect(postgres.as_role(shop))
    connection.cursor().execute(
        "BEGIN; INSERT INTO users (email) VALUES ('2pc'); PREPARE TRANSACTION 'order-7'"
    )
    connection.close()
    try:
        with (
            pytest.raises(DatabaseError, match="prepared transactions \\(order-7\\)"),
            fence.hold(postgres.server(shop), journal=journal(tmp_path)),
        ):
            pass
    finally:
        postgres.sql(shop, "ROLLBACK PREPARED 'order-7'")


def test_two_runs_do_not_fence_at_once(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    server = postgres.server(shop)
    with fence.hold(server, journal=journal(tmp_path)):
        with (
            pytest.raises(DatabaseError, match="another run holds writers off"),
            fence.hold(server, journal=journal(tmp_path), patience=0.1),
        ):
            pass
        assert not fence.lift_left_behind(server, journal=journal(tmp_path), patience=0.1)


def test_a_fence_that_a_killed_run_left_is_lifted(postgres: Postgres, shop: str, tmp_path: Path) -> None:
    expected = attributes(postgres, shop)
    program = (
        "import sys, time, pathlib\n"
        "from plugins.module_utils.postgres import fence\n"
        "from plugins.module_utils.postgres.connect import Server\n"
        "from tests.support.postgres import journal\n"
        "server = Server.of(sys.stdin.readline().strip())\n"
        "with fence.hold(server, journal=journal(pathlib.Path(sys.argv[1]))):\n"
        "    print('up', flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdin
    assert holder.stdout
    holder.stdin.write(postgres.instance.dsn(shop) + "\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "up\n"
    holder.kill()
    holder.wait()
    with pytest.raises(psycopg2.OperationalError, match="not currently accepting"):
        psycopg2.connect(postgres.as_role(shop))
    log = journal(tmp_path)
    assert fence.lift_left_behind(postgres.server(shop), journal=log)
    assert attributes(postgres, shop) == expected
    assert [event["event"] for event in events(log)] == ["postgres.fence.lifted"]
