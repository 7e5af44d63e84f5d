"""One local Cloudflare for the contract tests that do not disturb each other."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.client import Client
from tests.support.api import Api
from tests.support.client import client_of


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """Runs for the whole session; tests use names of their own in it and inject no faults."""
    with start(tmp_path_factory.mktemp("shared") / "state", budget=100_000) as instance:
        yield instance


@pytest.fixture(scope="session")
def shared_api(shared: Instance) -> Api:
    return Api(shared)


_numbers = itertools.count(1)


@pytest.fixture
def new_name() -> Callable[[], str]:
    """Makes Worker names that no other test uses."""
    return lambda: f"worker-{next(_numbers)}"


@pytest.fixture
def name(new_name: Callable[[], str]) -> str:
    """A Worker name that no other test uses."""
    return new_name()


@pytest.fixture
def api(instance: Instance) -> Iterator[Api]:
    """Of a file that has an instance of its own; faults end with the test."""
    api = Api(instance)
    yield api
    api.heal()


@pytest.fixture
def client(instance: Instance, tmp_path: Path) -> Client:
    """What a run would ask that instance with."""
    return client_of(instance, tmp_path)
