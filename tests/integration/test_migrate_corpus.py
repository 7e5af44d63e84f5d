"""The corpus on real servers: it runs, and code from before works after what is called additive."""

from __future__ import annotations

import psycopg2
import pytest

from plugins.module_utils.migrate.postgres_split import split
from tests.support.corpus import Case, cases, given, old_code
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
