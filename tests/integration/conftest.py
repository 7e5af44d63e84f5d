"""Servers for the tests of databases: every PostgreSQL version on this machine."""

import itertools
from collections.abc import Iterator

import pytest

from local_postgres.launch import start
from tests.support.postgres import Postgres, versions

_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=versions(), ids=lambda major: f"pg{major}")
def postgres(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    state = tmp_path_factory.mktemp(f"pg{request.param}")
    with start(state, server_version=request.param, settings=["max_prepared_transactions=4"]) as instance:
        yield Postgres(instance).prepare()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The name of an empty one of the test's own."""
    name = f"empty_{next(_numbers)}"
    postgres.sql("postgres", f"CREATE DATABASE {name}")
    yield name
    postgres.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")
