"""SIGKILL to ansible-playbook in each of its phases, and the same command again: it ends at the target.

What a kill at any single call leaves behind is in test_fault_matrix.py.
"""

import pytest

from tests.support.environment import PROJECT, WORKERS, Environment
from tests.support.kill import Call, kill_at

AUTH = f"/{WORKERS['auth-worker']}/deployments$"
QUERY = r"/d1/database/[^/]+/query$"
MOMENTS: dict[str, tuple[Call, str]] = {
    "it plans": (({"method": "GET", "path": AUTH}, 0), "before"),
    "it plans the databases": (({"method": "POST", "path": QUERY}, 0), "before"),
    "it rehearses": (({"method": "POST", "path": AUTH}, 0), "after"),
    "it switches": (({"method": "POST", "path": AUTH}, 1), "before"),
    "it has switched": (({"method": "POST", "path": f"/{PROJECT}/deployments/[^/]+/rollback$"}, 0), "after"),
    "it checks": (({"method": "POST", "path": QUERY}, 3), "before"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_and_run_again_it_arrives(environment: Environment, moment: str) -> None:
    kill_at(environment, *MOMENTS[moment])
    again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")


def test_a_kill_takes_wrangler_with_it(environment: Environment) -> None:
    write = {"method": "POST", "path": AUTH}
    through = ("-e", "cloudflare_transport=wrangler", "--limit", "auth-worker")
    kill_at(environment, (write, 0), "before", *through)
    again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")
