"""Fixtures that more than one kind of test uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance, start
from tests.support.seed import Seed, build


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    """Releases r1 and r2 (good) and r3 (throws, live), stopped."""
    return build(tmp_path_factory.mktemp("seed") / "state")


@pytest.fixture
def seeded(seed: Seed, tmp_path: Path) -> Iterator[Instance]:
    """A running instance of the test's own, with the three releases."""
    with start(seed.copy(tmp_path / "state")) as instance:
        yield instance
