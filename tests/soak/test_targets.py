"""The property tests of the choice at their full size: 10,000 histories, with the table for ``docs/soak.md``."""

import pytest

from tests.unit.test_target_property import check_condemned, check_going_there, tables

pytestmark = pytest.mark.soak

HISTORIES = range(10_000)


def test_no_wrong_target_in_10_000_histories(capsys: pytest.CaptureFixture[str]) -> None:
    found = tables(HISTORIES)
    with capsys.disabled():
        for kind, rules in found.items():
            print(f"\n\n{kind}: {sum(rules['ours, by what was done'].values())} histories\n")
            print(
                "| rule | right | wrong set | went, though nothing was right | refused, though a set was right |"
            )
            print("|---|---|---|---|---|")
            for name, counts in sorted(rules.items()):
                cells = " | ".join(str(counts[each]) for each in ("right", "wrong", "went", "refused"))
                print(f"| {name} | {cells} |")


def test_nothing_condemned_is_chosen_in_10_000_histories() -> None:
    for seed in HISTORIES:
        check_condemned(seed)


def test_10_000_rollbacks_end_in_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    changed = sum(not check_going_there(seed) for seed in HISTORIES)
    with capsys.disabled():
        print(f"\nthe choice without a goal was another one after the rollback in {changed} histories")
