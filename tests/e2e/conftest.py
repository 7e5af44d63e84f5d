"""An environment of the test's own: r1 and r2 are good, r3 is live and throws."""

import pytest

from local_cloudflare.launch import Instance
from tests.support.environment import Environment


@pytest.fixture
def environment(seeded: Instance) -> Environment:
    return Environment(seeded)
