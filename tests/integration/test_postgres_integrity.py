"""Validation that fails where something is wrong, and passes on no empty or wrong database."""

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
import pytest

from local_postgres.launch import start
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.postgres.errors import DatabaseError
from plugins.module_utils.postgres.integrity import Audit, Check, Expected, Snapshot, check, snapshot
from tests.support.postgres import Postgres, journal

AUDIT = Audit("audit_log", time="at")


@pytest.fixture
def shop(postgres: Postgres) -> Iterator[Server]:
    yield postgres.create("shop")
    for name in postgres.databases():
        postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def checked(server: Server, tmp_path: Path, **expected: object) -> dict[str, Check]:
    asked = Expected(**{"name": "shop", "runs": 2, **expected})  # type: ignore[arg-type]
    return {each.name: each for each in check(server, asked, journal=journal(tmp_path))}


def failed(checks: dict[str, Check]) -> dict[str, str]:
    return {name: each.detail for name, each in checks.items() if each.verdict != "pass"}


def test_a_whole_database_passes_everything(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    before = snapshot(shop, audit=AUDIT)
    kept = Snapshot.from_dict(json.loads(json.dumps(before.to_dict())))
    assert kept == before
    checks = checked(
        shop,
        tmp_path,
        before=kept,
        quiet=True,
        audit=AUDIT,
        sentinel=("SELECT email FROM users WHERE id = 1", "user1@example.com"),
    )
    assert failed(checks) == {}
    assert set(checks) == {
        "connection", "identity", "filled", "constraints", "foreign_keys", "indexes", "sequences",
        "rows", "content", "audit_trail", "sentinel", "latency",
    }  # fmt: skip
    assert checks["latency"].data["n"] == 2 * 7
    assert "user1@" not in json.dumps([dataclasses.asdict(each) for each in checks.values()])


DAMAGE = [
    ("constraints", "ALTER TABLE payments ADD CHECK (cents < 100) NOT VALID", "is not validated"),
    ("constraints", "ALTER TABLE payments DISABLE TRIGGER ALL", "is not enforced"),
    (
        "foreign_keys",
        "SET session_replication_role = replica; DELETE FROM users WHERE id IN (5, 6)",
        "rows of public.payments point to nothing in public.users",
    ),
    (
        "indexes",
        "CREATE INDEX broken ON payments (cents);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'broken'::regclass",
        "broken is invalid",
    ),
    (
        "sequences",
        "SELECT setval('users_id_seq', 20)",
        "public.users_id_seq gives 21 next, public.users.id has 200",
    ),
    ("rows", "DELETE FROM payments WHERE id = 7", "public.payments has 499 rows, it had 500"),
    ("rows", "DROP TABLE notes", "public.notes is gone"),
    ("content", "UPDATE content SET words = 0 WHERE title = 'Title 7'", "public.content holds other rows"),
    ("audit_trail", "DELETE FROM audit_log WHERE id = 298", "298"),
    ("audit_trail", "UPDATE audit_log SET at = at + interval '1s' WHERE id = 299", "299"),
    ("sentinel", "UPDATE users SET email = 'other' WHERE id = 1", "not as expected"),
]


def test_each_fault_fails_its_check(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    before = snapshot(shop, audit=AUDIT)
    for _, damage, _ in DAMAGE:
        postgres.sql("shop", damage)
    sentinel = ("SELECT email FROM users WHERE id = 1", "user1@example.com")
    checks = checked(shop, tmp_path, before=before, quiet=True, audit=AUDIT, sentinel=sentinel)
    for name, _, said in DAMAGE:
        assert checks[name].verdict == "fail"
        assert said in checks[name].detail
    passed = {name for name, each in checks.items() if each.verdict == "pass"}
    assert passed == {"connection", "identity", "filled", "latency"}


def test_an_audit_trail_that_is_no_longer_one(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    before = snapshot(shop, audit=AUDIT)
    for damage, said in (
        ("INSERT INTO audit_log (at, what) VALUES (now() + interval '1h', 'x')", "from the future"),
        ("TRUNCATE audit_log", "is empty"),
        ("ALTER TABLE audit_log RENAME TO log", "does not exist"),
    ):
        postgres.sql("shop", damage)
        assert said in failed(checked(shop, tmp_path, before=before, audit=AUDIT))["audit_trail"]


def test_an_empty_or_wrong_database_never_passes(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    hollow = postgres.create("hollow", "CREATE TABLE t (id int PRIMARY KEY)")
    assert "tables are empty" in failed(checked(hollow, tmp_path, name="hollow"))["filled"]
    bare = postgres.create("bare", "SELECT 1")
    assert "no tables" in failed(checked(bare, tmp_path, name="bare"))["filled"]
    for wrong, said in (
        ({"name": "blog"}, "it is database shop, not blog"),
        ({"system_identifier": "1"}, "its system identifier is"),
        ({"host": "db.example.com"}, "its host is 127.0.0.1, not db.example.com"),
    ):
        checks = checked(shop, tmp_path, **wrong)
        assert said in failed(checks)["identity"]
        assert set(checks) == {"connection", "identity"}
    before = snapshot(shop)
    assert failed(checked(hollow, tmp_path, name="hollow", before=before))["rows"]


def test_growth_is_fine_where_others_write(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    before = snapshot(shop, audit=AUDIT)
    postgres.sql("shop", "INSERT INTO audit_log (what) VALUES ('new')")
    assert failed(checked(shop, tmp_path, before=before, audit=AUDIT)) == {}
    assert "301 rows" in failed(checked(shop, tmp_path, before=before, quiet=True))["rows"]
    besides = frozenset({"public.audit_log"})
    assert failed(checked(shop, tmp_path, before=before, quiet=True, besides=besides)) == {}


def test_audit_rows_after_the_moment_gone_back_to_are_told_and_not_a_fault(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    moment = datetime.now(UTC)
    postgres.sql("shop", "INSERT INTO audit_log (what) VALUES ('a'), ('b')")
    before = snapshot(shop, audit=AUDIT)
    postgres.sql("shop", "DELETE FROM audit_log WHERE id > 300")
    checks = checked(shop, tmp_path, before=before, audit=AUDIT, back_to=moment, besides={"public.audit_log"})
    assert failed(checks) == {}
    assert checks["audit_trail"].data["gone_as_expected"] == ["302", "301"]
    assert failed(checked(shop, tmp_path, before=before, audit=AUDIT))["audit_trail"]


def test_slow_queries_fail_and_unsure_ones_are_inconclusive(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    slow = checked(shop, tmp_path, queries=["SELECT pg_sleep(0.02)"], limit_ms=5, runs=6)["latency"]
    assert slow.verdict == "fail"
    assert slow.data["mean_ms"] > 20
    assert "± " in slow.detail
    assert "n=6" in slow.detail
    mixed = ["SELECT pg_sleep(0.02)", "SELECT 1"]
    assert checked(shop, tmp_path, queries=mixed, limit_ms=10.5, runs=5)["latency"].verdict == "inconclusive"
    assert checked(shop, tmp_path, queries=["SELECT 1 FROM users"])["latency"].verdict == "inconclusive"


def test_own_sql_checks(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    files = {
        "1": '-- name: no orphan\n-- expect: no rows\nSELECT id FROM payments WHERE "user" > 200;',
        "2": "-- expect: rows\nSELECT * FROM users WHERE email LIKE '%@example.com'",
        "3": "-- expect: 200 rows\nSELECT 1 FROM users",
        "4": "-- expect: value >= 200\nSELECT count(*) FROM users",
        "5": "-- expect: value = true\nSELECT bool_and(cents > 0) FROM payments",
        "6": "-- expect: value = user1@example.com\nSELECT email FROM users WHERE id = 1",
        "a": "-- expect: no rows\nSELECT * FROM users",
        "b": "-- expect: value = 1\nSELECT email FROM users WHERE id = 1",
        "c": "SELECT 1",
        "d": "-- expect: rows\nSELECT * FROM nowhere",
        "e": "-- expect: perhaps\nSELECT 1",
        "f": "-- expect: no rows\nDELETE FROM users",
        "g": "-- expect: value > 5\nSELECT id FROM users",
        "h": "-- expect: rows\nSELECT 1; COMMIT; DELETE FROM payments",
        "i": "-- expect: value = 3\nSELECT count(*) FROM users",
    }
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    checks = checked(shop, tmp_path, sql_checks=folder)
    faults = failed(checks)
    assert [name for name in faults if name.startswith("sql ")] == [f"sql {name}" for name in "abcdefghi"]
    assert checks["sql no orphan"].verdict == "pass"
    for name, said in {
        "a": "200 rows, 0 expected",
        "b": "not as expected",
        "c": "add -- expect",
        "d": 'relation "nowhere" does not exist',
        "e": "not understood",
        "g": "200 rows, one expected",
        "i": "the value is 200, = 3 expected",
    }.items():
        assert said in faults[f"sql {name}"]
    assert "user1@" not in str(faults)
    assert postgres.sql("shop", "SELECT count(*) FROM users, (SELECT count(*) FROM payments) p") == [(200,)]
    (tmp_path / "none").mkdir()
    assert checked(shop, tmp_path, sql_checks=tmp_path / "none")["sql"].verdict == "inconclusive"


def test_a_server_that_is_not_there_is_a_failed_connection(postgres: Postgres, tmp_path: Path) -> None:
    server = Server.of("postgresql://app:hidden-secret@127.0.0.1:1/shop")
    checks = checked(server, tmp_path)
    assert set(checks) == {"connection"}
    assert "nothing listens there: check host and port in postgres_dsn" in checks["connection"].detail
    assert "hidden-secret" not in checks["connection"].detail


@contextmanager
def held(postgres: Postgres, *tables: str) -> Iterator[None]:
    """Somebody holds these tables against everybody."""
    with psycopg2.connect(postgres.instance.dsn("shop")) as holder, holder.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        yield
    holder.close()


WHY = "could not be read: a lock was not free in time: somebody else holds it"


def test_a_held_table_is_left_out_of_what_need_not_be_whole(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    began = time.monotonic()
    with held(postgres, "payments", "audit_log"):
        glance = snapshot(shop, audit=AUDIT, content=False, within=5)
    assert time.monotonic() - began < 3
    assert glance.left_out == (f"public.audit_log {WHY}", f"public.payments {WHY}")
    assert glance.trail == ()
    # What could be read is compared all the same, what could not is no fault.
    assert failed(checked(shop, tmp_path, before=glance)) == {}
    postgres.sql("shop", "CREATE TABLE kept (id int PRIMARY KEY)")
    with held(postgres, "payments"):
        glance = snapshot(shop, content=False, within=5)
    postgres.sql("shop", "DROP TABLE kept")
    assert "public.kept is gone" in failed(checked(shop, tmp_path, before=glance))["rows"]


def test_what_takes_longer_than_there_is_time_is_left_out(postgres: Postgres, shop: Server) -> None:
    postgres.sql("shop", "CREATE TABLE long AS SELECT generate_series(1, 3000000) AS id")
    glance = snapshot(shop, audit=AUDIT, content=True, within=0.2)
    left = " ".join(glance.left_out)
    assert "public.long could not be read: the statement took longer than allowed" in left
    assert "public.audit_log" not in left.partition("public.long")[0]
    assert "public.users could not be read: there was no time left for it" in left


def test_a_snapshot_that_must_be_whole_is_refused(postgres: Postgres, shop: Server) -> None:
    with held(postgres, "payments"), pytest.raises(DatabaseError, match=rf"shop: public\.payments {WHY}"):
        snapshot(shop, content=False)


def test_a_held_table_is_neither_a_pass_nor_a_fault_and_is_waited_for_once(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql/own.sql").write_text("-- expect: no rows\nSELECT id FROM payments WHERE cents < 0")
    before = snapshot(shop)
    began = time.monotonic()
    with held(postgres, "payments"):
        checks = checked(
            shop,
            tmp_path,
            before=before,
            sentinel=("SELECT count(*) FROM payments", "100"),
            sql_checks=tmp_path / "sql",
        )
    assert time.monotonic() - began < 5 + 3
    assert {name for name, each in checks.items() if each.held} == {
        "filled", "foreign_keys", "sequences", "sentinel", "latency", "sql own",
    }  # fmt: skip
    assert checks["filled"].detail == f"public.payments {WHY}"
    assert {each.verdict for each in checks.values() if not each.held} == {"pass"}
    assert {each.verdict for each in checks.values() if each.held} == {"inconclusive"}


def test_where_the_server_counts_statements_their_mean_over_the_run_is_told(
    postgres: Postgres, tmp_path: Path
) -> None:
    """On a server of its own, because it must be loaded when the server starts."""
    preloaded = ["shared_preload_libraries=pg_stat_statements"]
    with start(tmp_path / "counts", server_version=postgres.major, settings=preloaded) as instance:
        counting = Postgres(instance).prepare()
        shop = counting.create("shop")
        counting.create("other")
        assert snapshot(shop).statements is None
        counting.sql("shop", "CREATE EXTENSION pg_stat_statements SCHEMA public")
        before = Snapshot.from_dict(json.loads(json.dumps(snapshot(shop).to_dict())))
        counting.sql("shop", "SELECT pg_sleep(0.2)")
        counting.sql("other", "SELECT pg_sleep(0.5)")
        note = checked(shop, tmp_path, before=before)["statements"]
        assert note.verdict == "pass"
        assert note.data["mean_ms"] * note.data["n"] >= 200
        assert "since, our own among them" in note.detail
        # Counted anew, nothing can be told, and that is no fault.
        counting.sql("shop", "SELECT public.pg_stat_statements_reset()")
        checks = checked(shop, tmp_path, before=before)
        assert "statements" not in checks
        assert failed(checks) == {}


def test_where_statements_are_not_counted_nothing_fails(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    """The extension is there, and the server has not loaded it."""
    postgres.sql("shop", "CREATE EXTENSION pg_stat_statements")
    before = snapshot(shop)
    assert before.statements is None
    checks = checked(shop, tmp_path, before=before, quiet=True)
    assert failed(checks) == {}
    assert "statements" not in checks
