"""What going back loses: exact counts, and the rows themselves, which can be put back."""

import csv
import os
import resource
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.module_utils.postgres.compare import Difference, compare, open_pair
from plugins.module_utils.postgres.connect import session
from plugins.module_utils.postgres.export import Export
from plugins.module_utils.postgres.fingerprint import differences, fingerprints
from plugins.module_utils.postgres.put_back import SCRIPT
from tests.support.postgres import Postgres


@pytest.fixture
def pair(postgres: Postgres, request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """Two equal databases: the newer one, and the older one."""
    newer, older = "shop", "shop_then"
    postgres.create(newer)
    postgres.sql("postgres", f"CREATE DATABASE {older} TEMPLATE {newer}")
    yield newer, older
    for name in (newer, older):
        postgres.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def found(postgres: Postgres, pair: tuple[str, str]) -> dict[str, Difference]:
    with open_pair(postgres.server(pair[0]), postgres.server(pair[1])) as opened:
        return {each.full_name: each for each in compare(opened)}


def counts(difference: Difference) -> tuple[int, int, int]:
    return difference.inserted, difference.changed, difference.deleted


def test_equal_databases_have_no_difference(postgres: Postgres, pair: tuple[str, str]) -> None:
    result = found(postgres, pair)
    assert not any(each.is_loss for each in result.values())
    assert result["public.users"].newer_rows == result["public.users"].older_rows == 200
    assert "public.events_2025" in result
    assert "public.events" not in result, "a partitioned table holds no rows itself"


def test_every_kind_of_change_is_counted_exactly(postgres: Postgres, pair: tuple[str, str]) -> None:
    for statement in (
        "INSERT INTO users (email) SELECT 'new' || n FROM generate_series(1, 7) n",
        "UPDATE users SET plan = 'paid' WHERE id <= 5",
        "UPDATE users SET plan = 'free' WHERE id = 9",
        "DELETE FROM tags WHERE tag = 'tag3'",
        "UPDATE notes SET body = 'changed' WHERE body = 'note 1'",
        "INSERT INTO notes SELECT * FROM notes WHERE body = 'note 2'",
        "UPDATE events SET body = '{}' WHERE at = '2025-12-31'",
    ):
        postgres.sql(pair[0], statement)
    gone = postgres.sql(pair[1], "SELECT count(*) FROM tags WHERE tag = 'tag3'")[0][0]
    result = found(postgres, pair)
    assert counts(result["public.users"]) == (7, 5, 0)
    assert counts(result["public.tags"]) == (0, 0, gone)
    # Without a key a changed row is one that came and one that went.
    assert counts(result["public.notes"]) == (4, 0, 2)
    assert not result["public.notes"].by_key
    assert counts(result["public.events_2025"]) == (0, 1, 0)
    assert counts(result["public.content"]) == (0, 0, 0)


def test_tables_and_columns_of_one_side_are_counted(postgres: Postgres, pair: tuple[str, str]) -> None:
    for statement in (
        "ALTER TABLE users ADD COLUMN phone text",
        "UPDATE users SET phone = '1' WHERE id <= 3",
        "CREATE TABLE invoices (id int PRIMARY KEY)",
        "INSERT INTO invoices SELECT generate_series(1, 12)",
        "DROP TABLE audit_log",
        "ALTER TABLE payments RENAME COLUMN cents TO amount",
    ):
        postgres.sql(pair[0], statement)
    result = found(postgres, pair)
    assert counts(result["public.users"]) == (0, 0, 0)
    assert result["public.users"].dropped == {"phone": 3}
    assert result["public.users"].is_loss
    assert (counts(result["public.invoices"]), result["public.invoices"].only_in) == ((12, 0, 0), "newer")
    assert (counts(result["public.audit_log"]), result["public.audit_log"].only_in) == ((0, 0, 300), "older")
    assert result["public.payments"].dropped == {"amount": 500}


KINDS = {
    "int": "{}",
    "text": "'Ä{}\"'',()'",
    "uuid": "'00000000-0000-0000-0000-{:012}'",
    "numeric": "{}.50",
    "mood": "'m{}'",
    "timestamptz": "'2025-01-{:02}'",
}
ROWS = st.dictionaries(st.integers(1, 30), st.integers(0, 3))


@pytest.fixture(scope="module")
def typed(postgres: Postgres) -> Iterator[tuple[str, str]]:
    """Two databases with an empty table per kind of key."""
    pair = ("typed", "typed_then")
    moods = ", ".join(f"'m{n}'" for n in range(31))
    tables = ";".join(f"CREATE TABLE t_{kind} (k {kind} PRIMARY KEY, v int)" for kind in KINDS)
    for name in pair:
        postgres.create(name, f"CREATE TYPE mood AS ENUM ({moods}); {tables}")
    yield pair
    for name in pair:
        postgres.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(kind=st.sampled_from(sorted(KINDS)), old=ROWS, new=ROWS)
def test_counts_are_those_of_a_dictionary(
    postgres: Postgres, typed: tuple[str, str], kind: str, old: dict[int, int], new: dict[int, int]
) -> None:
    for name, rows in zip(typed, (new, old), strict=True):
        postgres.sql(name, f"TRUNCATE t_{kind}")
        if rows:
            values = ", ".join(f"({KINDS[kind].format(key)}, {value})" for key, value in rows.items())
            postgres.sql(name, f"INSERT INTO t_{kind} VALUES {values}")
    result = found(postgres, typed)[f"public.t_{kind}"]
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    assert counts(result) == (len(new.keys() - old.keys()), changed, len(old.keys() - new.keys()))


def put_back(postgres: Postgres, database: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs the script as its head says."""
    psql = str(postgres.tools.folder / "psql")
    return subprocess.run(
        [psql, "-X", "-q", "-v", "changed=1", "-v", "deleted=1", "-f", SCRIPT],
        cwd=folder,
        env={**os.environ, **postgres.server(database).environment()},
        capture_output=True,
        text=True,
    )


def test_lost_rows_are_exported_and_can_be_put_back(
    postgres: Postgres, pair: tuple[str, str], tmp_path: Path
) -> None:
    """The export of newer against older, played into older, makes it equal to newer."""
    for statement in (
        "INSERT INTO users (email) VALUES ('a,\"b\"\nc'), ('')",
        "INSERT INTO content (author, title, words) SELECT max(id), 'Ünï', 5 FROM users",
        "INSERT INTO tags SELECT id, 'x' FROM content WHERE title = 'Ünï'",
        'INSERT INTO payments ("user", cents) SELECT 1, n FROM generate_series(1, 2500) n',
        "UPDATE payments SET cents = -1 WHERE id < 4",
        "DELETE FROM tags WHERE tag = 'tag3'",
        "INSERT INTO notes VALUES (NULL, NULL, NULL), (NULL, NULL, NULL), ('note 1', 0.1, now())",
        "INSERT INTO audit_log (what) VALUES ('late')",
    ):
        postgres.sql(pair[0], statement)
    newer, older = postgres.server(pair[0]), postgres.server(pair[1])
    with open_pair(newer, older) as opened:
        sink = Export(opened, tmp_path / "lost")
        result = {each.full_name: each for each in compare(opened, sink=sink)}
        files = sink.finish()
    written = Counter(path.name.split("_", 1)[1] for path in files)
    assert {"public.payments.inserted.csv", "public.payments.changed.csv"} <= set(written)
    payments = next(path for path in files if path.name.endswith("payments.inserted.csv"))
    assert len(list(csv.reader(payments.open(newline="")))) == 1 + result["public.payments"].inserted == 2501
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)
    assert files[-1].name == SCRIPT
    done = put_back(postgres, pair[1], tmp_path / "lost")
    assert done.returncode == 0, done.stderr
    assert not any(each.is_loss for each in found(postgres, pair).values())
    # New rows get numbers that are free.
    postgres.sql(pair[1], "INSERT INTO users (email) VALUES ('next')")
    postgres.sql(pair[1], "INSERT INTO audit_log (what) VALUES ('next')")


def test_a_fingerprint_notices_what_a_count_does_not(postgres: Postgres, pair: tuple[str, str]) -> None:
    postgres.sql(pair[0], "UPDATE payments SET cents = cents + 1 WHERE id = 77")
    sides = []
    for name in pair:
        with session(postgres.server(name), read_only=True) as connection:
            sides.append(fingerprints(connection))
    assert differences(sides[1], sides[0]) == [
        "public.payments has the right 500 rows, but not their content"
    ]


def test_memory_does_not_grow_with_the_tables(postgres: Postgres) -> None:
    """200,000 rows that all differ: fetched in pieces."""
    for name, shift in (("big_now", 1), ("big_then", 0)):
        postgres.create(
            name,
            f"CREATE TABLE t AS SELECT n id, n + {shift} v FROM generate_series(1, 200000) n;"
            "ALTER TABLE t ADD PRIMARY KEY (id); ANALYZE t",
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = found(postgres, ("big_now", "big_then"))["public.t"]
    assert counts(result) == (0, 200_000, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 30_000, "kilobytes"
    for name in ("big_now", "big_then"):
        postgres.sql("postgres", f"DROP DATABASE {name}")


def test_rows_of_a_table_that_inherits_are_its_own(
    postgres: Postgres, pair: tuple[str, str], tmp_path: Path
) -> None:
    """Reading its parent shows them too, and they are not to be counted, kept and put back twice."""
    for name in pair:
        postgres.sql(name, "CREATE TABLE base (id int PRIMARY KEY, body text)")
        postgres.sql(name, "CREATE TABLE derived (extra int, PRIMARY KEY (id)) INHERITS (base)")
        postgres.sql(name, "INSERT INTO base VALUES (1, 'b'), (2, 'b')")
        postgres.sql(name, "INSERT INTO derived VALUES (1, 'd', 0), (3, 'd', 0)")
    postgres.sql(pair[0], "INSERT INTO derived VALUES (4, 'new', 0)")
    postgres.sql(pair[0], "UPDATE ONLY base SET body = 'other' WHERE id = 1")
    postgres.sql(pair[0], "DELETE FROM derived WHERE id = 3")
    with open_pair(postgres.server(pair[0]), postgres.server(pair[1])) as opened:
        sink = Export(opened, tmp_path / "lost")
        result = {each.full_name: each for each in compare(opened, sink=sink)}
        sink.finish()
    assert counts(result["public.base"]) == (0, 1, 0)
    assert counts(result["public.derived"]) == (1, 0, 1)
    done = put_back(postgres, pair[1], tmp_path / "lost")
    assert done.returncode == 0, done.stderr
    assert not any(each.is_loss for each in found(postgres, pair).values())
