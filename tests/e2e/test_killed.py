"""SIGKILL at every API call of a rollback, and the same command again: it ends at the target."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_cloudflare.launch import start
from tests.support.environment import WORKERS, Environment
from tests.support.kill import Call, kill_at
from tests.support.seed import Seed


@pytest.fixture
def pair(seed: Seed, tmp_path: Path) -> Iterator[list[Environment]]:
    """Two environments that are the same in every id: a run keeps one processor busy."""
    # A hundred runs within five minutes are more than Cloudflare's budget of 1200 calls.
    with (
        start(seed.copy(tmp_path / "one" / "state"), budget=100_000) as one,
        start(seed.copy(tmp_path / "two" / "state"), budget=100_000) as two,
    ):
        yield [Environment(one), Environment(two)]


def calls_of_a_run(environment: Environment) -> list[Call]:
    """Every call that a rollback makes, in the order of a run that nothing disturbed."""
    mark = environment.api.mark()
    run = environment.play("rollback.yml")
    assert run.code == 0, run.output
    seen: Counter[tuple[str, str]] = Counter()
    calls = []
    for call in environment.api.log(mark):
        key = (call["method"], call["path"])
        calls.append(({"method": call["method"], "path": f"^{call['path']}$"}, seen[key]))
        seen[key] += 1
    return calls


def is_write(call: Call) -> bool:
    # A rollback that leaves the databases alone only reads them, although that is sent by POST.
    return call[0]["method"] != "GET" and not call[0]["path"].endswith("/query$")


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_at_any_call_and_run_again_it_arrives(pair: list[Environment], phase: str) -> None:
    """Before any call took effect; after any write did. (A read has no effect.)"""
    target = pair[0].versions("r2")
    calls = [call for call in calls_of_a_run(pair[0]) if phase == "before" or is_write(call)]
    assert len(calls) >= {"before": 30, "after": 11}[phase]

    def kill_each(environment: Environment, part: list[Call]) -> None:
        for call in part:
            environment.serve("r3")
            kill_at(environment, call, phase)
            again = environment.play("rollback.yml")
            assert again.code == 0, f"killed {phase} {call}:\n{again.output}"
            assert environment.live() == target, f"killed {phase} {call}"

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(kill_each, pair, (calls[::2], calls[1::2])))


def test_a_kill_takes_wrangler_with_it(environment: Environment) -> None:
    write = {"method": "POST", "path": f"/{WORKERS['auth-worker']}/deployments$"}
    kill_at(environment, (write, 0), "before", "-e", "cloudflare_transport=wrangler")
    again = environment.play("rollback.yml")
    assert again.code == 0, again.output
    assert environment.live() == environment.versions("r2")
