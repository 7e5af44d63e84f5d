"""An environment of the test's own, or one that a file shares: r1 and r2 are good, r3 is live and throws."""

from collections.abc import Iterator

import pytest

from local_cloudflare.launch import Instance, start
from tests.support.environment import Environment
from tests.support.seed import Seed


@pytest.fixture
def environment(seeded: Instance) -> Environment:
    return Environment(seeded)


@pytest.fixture(scope="module")
def shared(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    with start(seed.copy(tmp_path_factory.mktemp("shared") / "state")) as instance:
        yield Environment(instance)
