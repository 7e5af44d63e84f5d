"""What holds for every script, whatever is in it."""

from __future__ import annotations

import re
from typing import Any, Literal, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plugins.module_utils.migrate.classify import classify
from plugins.module_utils.migrate.model import Dialect, Kind, worst
from tests.support import corpus

DIALECTS: tuple[Dialect, ...] = ("postgres", "sqlite")
# Statements over a table of their own each, so that they do not meet.
STATEMENTS = (
    "CREATE TABLE {t}_new (id integer PRIMARY KEY)",
    "DROP TABLE {t}",
    "ALTER TABLE {t} ADD COLUMN added text",
    "ALTER TABLE {t} ADD COLUMN added text NOT NULL",
    "ALTER TABLE {t} RENAME COLUMN a TO b",
    "ALTER TABLE {t} RENAME TO {t}_renamed",
    "CREATE INDEX {t}_a ON {t} (a)",
    "CREATE UNIQUE INDEX {t}_a ON {t} (a)",
    "INSERT INTO {t} (id, a) VALUES (1, 'x; -- y')",
    "UPDATE {t} SET a = 'z'",
    "DELETE FROM {t}",
    "SELECT count(*) FROM {t}",
    "CREATE VIEW {t}_view AS SELECT * FROM {t}",
    "THIS IS NOT SQL {t}",
)
BEFORE = "".join(f"CREATE TABLE t{n} (id integer PRIMARY KEY, a text); " for n in range(6))
NOISE = ("\n", "  ", "\t\n", "-- a comment; with 'a quote\n", "/* DROP TABLE t0; */", "\r\n")
WORDS = re.findall(
    r"\S+",
    "SELECT DROP TABLE t0 ; ( ) ' \" -- /* */ $$ $a$ INSERT INTO VALUES BEGIN END WITH AS , a 1 \0 ALTER"
    " CREATE TRIGGER DO UPDATE SET \\ [ ] ` IF EXISTS NOT NULL CASE WHEN",
)


@st.composite
def scripts(draw: st.DrawFn) -> list[str]:
    chosen = draw(st.lists(st.sampled_from(STATEMENTS), max_size=6))
    return [statement.format(t=f"t{at}") for at, statement in enumerate(chosen)]


def told(sql: str, dialect: Dialect) -> list[tuple[str, Kind, str, str]]:
    found = classify(sql, dialect, before=BEFORE)
    return [(finding.statement, finding.kind, finding.loses, finding.reason) for finding in found]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(statements=scripts())
@settings(max_examples=40, deadline=None)
def test_the_kind_of_the_whole_is_the_worst_of_its_statements(
    dialect: Dialect, statements: list[str]
) -> None:
    alone = [worst(classify(statement, dialect, before=BEFORE)) for statement in statements]
    whole = worst(classify(";\n".join(statements), dialect, before=BEFORE))
    assert whole == max(alone, default=Kind.ADDITIVE)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_one_script_is_never_worse_than_two(dialect: Dialect, data: st.DataObject) -> None:
    cases = [cast(Any, param).values[0] for param in corpus.cases(dialect)]
    runnable = [case.sql for case in cases if case.runs != "no" and "search_path" not in case.sql]
    first, second = data.draw(st.sampled_from(runnable)), data.draw(st.sampled_from(runnable))
    before = corpus.given(dialect)
    parts = [
        worst(classify(first, dialect, before=before)),
        worst(classify(second, dialect, before=f"{before}\n;\n{first}")),
    ]
    whole = classify(f"{first}\n;\n{second}", dialect, before=before)
    unknown = {finding.statement for finding in whole if finding.kind is Kind.IRREVERSIBLE}
    # The second may not run after the first (the table is gone), which is unknown, and rightly so.
    assert unknown or worst(whole) <= max(parts)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(statements=scripts(), noise=st.lists(st.sampled_from(NOISE), min_size=14, max_size=14))
@settings(max_examples=40, deadline=None)
def test_comments_and_blanks_change_nothing(
    dialect: Dialect, statements: list[str], noise: list[str]
) -> None:
    plain = ";\n".join(statements)
    # Not before the semicolon: SQLite itself stumbles over a comment at the end of ADD COLUMN.
    noisy = "".join(f"{noise[2 * at]}{noise[2 * at + 1]}\n{sql};" for at, sql in enumerate(statements))
    assert [found[1:] for found in told(plain, dialect)] == [found[1:] for found in told(noisy, dialect)]


@pytest.mark.parametrize("dialect", DIALECTS)
@given(
    sql=st.one_of(
        st.text(max_size=200),
        st.lists(
            st.sampled_from(WORDS),
            max_size=30,
        ).map(" ".join),
    )
)
@settings(max_examples=300, deadline=None)
@example(sql="'")
@example(sql="/*")
@example(sql="$$")
@example(sql="\0")
@example(sql="DROP TABLE t0;\0SELECT 1")
@example(sql="SELECT " + "(" * 3000 + "1" + ")" * 3000)
@example(sql="SELECT " + "1+" * 3000 + "1")
@example(sql="CREATE TABLE IF NOT EXISTS")
@example(sql=";;;;")
@example(sql="\ufeffDROP TABLE t0")
@example(sql="CREATE TEMP TABLE x (a); CREATE INDEX i ON x (a); ALTER TABLE x ADD b; DROP TABLE x")
def test_it_never_fails_and_lets_nothing_pass_unjudged(dialect: Dialect, sql: str) -> None:
    findings = classify(sql, dialect, before=BEFORE)
    for finding in findings:
        assert 1 <= finding.line <= sql.count("\n") + 1
        assert finding.reason
    if "DROP TABLE t0" in sql and "DROP TABLE t0" in _without_strings_and_comments(sql):
        assert worst(findings) >= Kind.LOSSY


def _without_strings_and_comments(sql: str) -> str:
    """Empty when in doubt."""
    doubtful = ("'", '"', "--", "/*", "$", "`", "[", "\\", "EXISTS", "BEGIN", "TEMP")
    return "" if any(mark in sql for mark in doubtful) else sql


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_line_is_that_of_the_statement(dialect: Dialect) -> None:
    sql = "\n-- é ü\n\nCREATE TABLE a (id integer);\n/* two\nlines */ DROP\nTABLE t0;\n\n\nNOT SQL"
    assert [finding.line for finding in classify(sql, dialect, before=BEFORE)] == [4, 6, 10]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_statement_is_shown_on_one_short_line(dialect: Dialect) -> None:
    finding = classify("DELETE\n  FROM t0 WHERE a = '" + "x" * 500 + "'", dialect, before=BEFORE)[0]
    assert finding.statement.startswith("DELETE FROM t0 WHERE")
    assert len(finding.statement) == 120


def test_without_the_earlier_migrations_sqlite_is_judged_by_what_the_statements_say() -> None:
    def kinds(sql: str) -> list[str]:
        return [str(finding.kind) for finding in classify(sql, "sqlite")]

    assert kinds("DROP TABLE users") == ["lossy"]
    assert kinds("DROP TABLE IF EXISTS users") == ["lossy"]
    assert kinds("ALTER TABLE users DROP COLUMN age") == ["lossy"]
    assert kinds("ALTER TABLE users RENAME COLUMN age TO years") == ["reversible"]
    assert kinds("INSERT INTO users (a, b) SELECT x, y FROM old") == ["reversible"]
    assert kinds("INSERT INTO users VALUES (1, 2, 3)") == ["reversible"]
    assert kinds("UPDATE users SET a = b WHERE c = 1") == ["lossy"]
    assert kinds("DROP INDEX i; DROP VIEW v; DROP TRIGGER t") == ["reversible"] * 3


def test_without_the_earlier_migrations_a_change_of_type_is_taken_for_the_worst() -> None:
    sql = "ALTER TABLE users ALTER COLUMN name TYPE varchar(50)"
    before = "CREATE TABLE users (name varchar(20));"
    assert worst(classify(sql, "postgres")) is Kind.LOSSY
    assert worst(classify(sql, "postgres", before=before)) is Kind.ADDITIVE


def test_the_same_statement_twice_is_judged_twice() -> None:
    sql = "DELETE FROM t0; DELETE FROM t0"
    assert [str(finding.kind) for finding in classify(sql, "sqlite", before=BEFORE + sql)] == [
        "lossy",
        "lossy",
    ]


def test_a_pragma_of_a_script_has_no_effect_on_how_it_is_judged() -> None:
    sql = "PRAGMA writable_schema = ON; PRAGMA foreign_keys = ON; DELETE FROM sqlite_master"
    assert worst(classify(sql, "sqlite", before=BEFORE)) is Kind.IRREVERSIBLE


def test_a_statement_that_never_ends_is_given_up() -> None:
    forever = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
    assert worst(classify(f"CREATE TABLE t AS {forever}", "sqlite")) is Kind.IRREVERSIBLE


def test_kinds_are_ordered() -> None:
    order: list[Literal["additive", "reversible", "lossy", "irreversible"]] = [
        "additive",
        "reversible",
        "lossy",
        "irreversible",
    ]
    assert [str(kind) for kind in sorted(Kind, reverse=True)] == order[::-1]


@pytest.mark.parametrize(
    ("sql", "dialect", "where"),
    [
        ("DROP TABLE t1, archive.t2", "postgres", [('"t1"', ""), ('"archive"."t2"', "")]),
        (
            "ALTER TABLE t1 DROP COLUMN a, ADD COLUMN b text NOT NULL",
            "postgres",
            [('"t1"', '"a"'), ('"t1"', '"b"')],
        ),
        ("ALTER TABLE t1 ALTER COLUMN id TYPE real", "postgres", [('"t1"', '"id"')]),
        ("DELETE FROM t1 WHERE a = 'x'", "postgres", [('"t1"', "")]),
        ("UPDATE t1 SET a = 'x'", "postgres", [('"t1"', '"a"')]),
        ("TRUNCATE t1, t2", "postgres", [('"t1"', ""), ('"t2"', "")]),
        ("DROP TABLE t1", "sqlite", [('"t1"', "")]),
        ("ALTER TABLE t1 DROP COLUMN a", "sqlite", [('"t1"', '"a"')]),
        ("UPDATE t1 SET a = 'x'", "sqlite", [('"t1"', '"a"')]),
        ("DELETE FROM t1", "sqlite", [('"t1"', "")]),
    ],
)
def test_where_the_loss_is(sql: str, dialect: Dialect, where: list[tuple[str, str]]) -> None:
    findings = classify(sql, dialect, before=BEFORE)
    assert [(finding.table, finding.column) for finding in findings if finding.loses] == where
    assert {finding.sql for finding in findings} == {sql}
