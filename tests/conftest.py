"""Fixtures that more than one kind of test uses."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance, start
from tests.support.seed import Seed, build


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    """Releases r1 and r2 (good) and r3 (throws, live), stopped."""
    base = tmp_path_factory.getbasetemp()
    # Processes that share the tests among them share this too: the first one makes it.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / "seed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = shared / "seed-is-made"
        found = Seed(shared / "seed") if made.exists() else build(shared / "seed")
        made.touch()
    return found


@pytest.fixture
def seeded(seed: Seed, tmp_path: Path) -> Iterator[Instance]:
    """A running instance of the test's own, with the three releases."""
    with start(seed.copy(tmp_path / "state")) as instance:
        yield instance
