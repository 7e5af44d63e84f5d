"""A plan over many releases and components is the right one; how long it takes is for ``make bench``."""

from datetime import timedelta
from pathlib import Path

from benchmarks.planning import UNPROVED, states, write_ledger
from plugins.module_utils.ledger.directory import Directory
from plugins.module_utils.ledger.ledger import Ledger
from plugins.module_utils.release.candidate import Rules
from plugins.module_utils.release.choose import choose
from plugins.module_utils.release.group import group
from plugins.module_utils.release.plan import make_plan

RELEASES, COMPONENTS = 200, 100


def test_the_plan_over_200_releases_of_100_components(tmp_path: Path) -> None:
    write_ledger(str(tmp_path), RELEASES, COMPONENTS)
    known, found = Ledger(Directory(str(tmp_path)), by="test").view(), states(RELEASES, COMPONENTS)
    releases = group(found, window=timedelta(minutes=15), recorded=known.releases)
    assert [release.name for release in releases] == [f"r{number}" for number in range(RELEASES, 0, -1)]
    plan = make_plan("test", found, releases, choose(found, releases, known, Rules()), left_out=[])
    right = RELEASES - UNPROVED
    assert (plan.release, plan.live_release) == (f"r{right}", f"r{RELEASES}")
    assert [each["release"] for each in plan.skipped] == [f"r{n}" for n in range(RELEASES - 1, right, -1)]
    assert {move.component: move.to_id for move in plan.moves} == known.release(f"r{right}").versions
    assert all(move.changes for move in plan.moves)
    assert plan.leaves["releases"] == [f"r{RELEASES}"]
