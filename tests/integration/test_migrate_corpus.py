"""The corpus on real servers: it runs, and code from before works after what is called additive."""

from __future__ import annotations

import random
from typing import Any

import psycopg2
import pytest

from plugins.module_utils.migrate.classify import classify
from plugins.module_utils.migrate.model import Kind, worst
from plugins.module_utils.migrate.postgres_split import controls_transaction, split
from tests.support.corpus import Case, cases, given, old_code, statements
from tests.support.postgres import Postgres

DATABASE = "corpus"


@pytest.fixture(scope="module")
def corpus(postgres: Postgres) -> str:
    postgres.sql("postgres", f"CREATE DATABASE {DATABASE}")
    with postgres.cursor(DATABASE) as cursor:
        cursor.execute(given("postgres"))
    return postgres.instance.dsn(DATABASE)


def test_the_corpus(postgres: Postgres, corpus: str) -> None:
    wrong = []
    for param in cases("postgres"):
        case, name = param.values[0], param.id
        if case.runs == "outside a transaction":
            continue
        if (said := _run(corpus, case)) is not None:
            wrong.append(f"{name}: {said}")
    assert not wrong, "\n".join(wrong)


def _run(dsn: str, case: Case) -> str | None:
    connection = psycopg2.connect(dsn)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM users")
            try:
                cursor.execute(f"{case.sql}\n; SELECT")
            except psycopg2.Error as error:
                return None if case.runs == "no" else f"does not run: {error}"
            if case.kind == "additive":
                cursor.execute("RESET ALL")
                cursor.execute(old_code("postgres"))
    except psycopg2.Error as error:
        return f"is not additive: {error}"
    finally:
        connection.close()
    return None


def test_what_cannot_be_in_a_transaction(postgres: Postgres, corpus: str) -> None:
    for param in cases("postgres"):
        case = param.values[0]
        if case.runs != "outside a transaction":
            continue
        postgres.sql("postgres", f"CREATE DATABASE corpus_copy TEMPLATE {DATABASE}")
        try:
            with postgres.cursor("corpus_copy") as cursor:
                for statement in split(case.sql):
                    cursor.execute(statement.text)
                if case.kind == "additive":
                    cursor.execute(old_code("postgres"))
        finally:
            postgres.sql("postgres", "DROP DATABASE corpus_copy WITH (FORCE)")


def test_what_is_said_to_lose_nothing_loses_nothing(postgres: Postgres, corpus: str) -> None:
    chance = random.Random(postgres.major)
    parts = [
        part
        for part in statements("postgres", split)
        if not any(controls_transaction(s.node) for s in split(part))
    ]
    connection = psycopg2.connect(corpus)
    ran = 0
    with connection.cursor() as cursor:
        for _ in range(150):
            sql = "\n;\n".join(chance.choices(parts, k=chance.randint(1, 5)))
            findings = classify(sql, "postgres", before=given("postgres"))
            if any(finding.loses == "up" or finding.kind is Kind.IRREVERSIBLE for finding in findings):
                continue
            cursor.execute(
                "UPDATE users SET name = 'name ' || id; UPDATE orders SET note = '00' || id || '7'"
            )
            before = _texts(cursor)
            try:
                cursor.execute(f"{sql}\n; SELECT")
            except psycopg2.Error:
                # With these rows it does not run to its end, so it is undone.
                connection.rollback()
                continue
            ran += 1
            cursor.execute("RESET ALL")
            assert before <= _texts(cursor), sql
            if worst(findings) is Kind.ADDITIVE:
                cursor.execute(old_code("postgres"))
            connection.rollback()
    connection.close()
    assert ran > 20


def _texts(cursor: Any) -> set[str]:
    """Every text with a space or a digit in it, of every table; a renamed enum value is another text."""
    cursor.execute(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND n.nspname IN ('public', 'archive', 'reports')"
    )
    found = set()
    for (table,) in cursor.fetchall():
        cursor.execute(f"SELECT * FROM ONLY {table}")
        found |= {value for row in cursor.fetchall() for value in row if isinstance(value, str)}
    return {text for text in found if any(character in " 0123456789" for character in text)}
