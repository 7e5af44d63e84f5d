"""The target is the newest release with evidence, and a condemned one never comes back (issue 5, "Choice")."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from plugins.module_utils.release.candidate import Rules
from plugins.module_utils.release.choose import Choice, Refusal, choose, floor, pinned
from plugins.module_utils.release.group import group
from plugins.module_utils.release.live import live_release
from plugins.module_utils.release.model import Release
from plugins.module_utils.release.plan import make_plan
from tests.unit.histories import History

WINDOW = timedelta(minutes=15)


def releases_of(history: History) -> list[Release]:
    return group(history.states(), window=WINDOW, recorded=history.view().releases)


def target(history: History, rules: Rules | None = None, **asked: object) -> Choice:
    states, releases = history.states(), releases_of(history)
    return choose(states, releases, history.view(), rules or Rules(), **asked)  # type: ignore[arg-type]


def resume(history: History, goal: Mapping[str, Any]) -> Choice:
    states, releases = history.states(), releases_of(history)
    return pinned(states, releases, history.view(), Rules(), goal, "resume", exactly=False)


def chosen(history: History, rules: Rules | None = None, **asked: object) -> dict[str, str]:
    return {name: version.id for name, version in target(history, rules, **asked).candidate.versions.items()}


@pytest.fixture
def four() -> History:
    """r1 and r2 have evidence, r3 was never validated, r4 serves."""
    history = History(["auth", "content"])
    for tag in ("r1", "r2", "r3", "r4"):
        history.release(tag)
        if tag in ("r1", "r2"):
            history.record(tag)
    return history


def test_the_newest_release_with_evidence(four: History) -> None:
    choice = target(four)
    assert choice.candidate.release.name == "r2"
    assert chosen(four) == {"auth": "auth-2", "content": "content-2"}
    assert [(each.release.name, each.not_proved) for each in choice.skipped] == [
        ("r3", "nobody recorded that it works")
    ]


def test_without_any_evidence_a_person_has_to_say_so() -> None:
    history = History(["auth"])
    for tag in ("r1", "r2"):
        history.release(tag)
    with pytest.raises(Refusal, match="the newest that is whole is r1") as refusal:
        target(history)
    assert refusal.value.next == "require_evidence=false"
    choice = target(history, Rules(evidence=False))
    assert (choice.candidate.release.name, "without evidence" in choice.reason) == ("r1", True)


def test_evidence_goes_before_age_even_where_it_is_not_required(four: History) -> None:
    assert target(four, Rules(evidence=False)).candidate.release.name == "r2"


@pytest.mark.parametrize("verdict", ["fail", None])
def test_a_failed_validation_and_an_import_are_no_evidence(verdict: str | None) -> None:
    history = History(["auth"])
    history.release("r1")
    history.record("r1")
    history.release("r2")
    history.record("r2", verdict)
    history.release("r3")
    choice = target(history)
    assert choice.candidate.release.name == "r1"
    assert choice.skipped[0].not_proved


def test_a_condemned_release_is_passed_over_with_its_reason(four: History) -> None:
    four.condemn("r2")
    choice = target(four)
    assert choice.candidate.release.name == "r1"
    assert "condemned: it loses payments" in str(choice.skipped[-1].objection)


def test_a_condemned_release_does_not_come_back_by_its_name(four: History) -> None:
    four.condemn("r2")
    with pytest.raises(Refusal, match="it loses payments"):
        target(four, release="r2")
    four.write("cleared", release="r2", versions={}, reason="it was the network")
    assert chosen(four, release="r2") == {"auth": "auth-2", "content": "content-2"}
    assert target(four).candidate.release.name == "r2"


def test_a_condemned_version_takes_its_releases_with_it(four: History) -> None:
    four.write("condemned", release=None, versions={"auth": "auth-2"}, reason="it leaks")
    assert target(four).candidate.release.name == "r1"
    with pytest.raises(Refusal, match="it leaks"):
        target(four, versions={"auth": "auth-2"})


def test_the_floor_keeps_a_known_hole_shut(four: History) -> None:
    limit = floor("r2", releases_of(four))
    assert target(four, Rules(not_older_than=limit)).candidate.release.name == "r2"
    four.condemn("r2")
    with pytest.raises(Refusal, match="no release before r4 is known to be good"):
        target(four, Rules(not_older_than=limit))
    with pytest.raises(Refusal, match="older than the floor"):
        target(four, Rules(not_older_than=limit), release="r1")
    with pytest.raises(Refusal, match="older than the floor"):
        target(four, Rules(not_older_than=limit), versions={"auth": "auth-1"})
    with pytest.raises(Refusal, match="neither a release nor a time"):
        floor("yesterday", releases_of(four))


def test_what_cannot_be_reached_is_passed_over(four: History) -> None:
    rules = Rules(unreachable={"r2": "auth: its KV namespace is gone"})
    choice = target(four, rules)
    assert choice.candidate.release.name == "r1"
    assert choice.skipped[-1].broken == "auth: its KV namespace is gone"
    with pytest.raises(Refusal, match="KV namespace"):
        target(four, rules, release="r2")


def test_a_release_that_cloudflare_does_not_keep_is_passed_over(four: History) -> None:
    four.deployable = 2
    with pytest.raises(Refusal, match="no release before r4 is known to be good") as refusal:
        target(four)
    assert any("does not keep" in str(each.broken) for each in refusal.value.candidates)


def test_a_release_that_served_too_short_a_time_is_not_known_to_be_good(four: History) -> None:
    four.release("r5")
    four.record("r5")
    four.write("release", release="r6", versions={"auth": "auth-1", "content": "content-5"})
    four.release("r7")
    assert target(four).candidate.release.name == "r5"
    assert target(four, Rules(served=timedelta(minutes=30))).candidate.release.name == "r2"


def test_the_set_is_the_recorded_one_whatever_tags_say() -> None:
    history = History(["auth", "content"])
    history.release("r1")
    history.release("r2", only=["auth"])
    history.record("hotfix")
    history.release("r3")
    assert chosen(history) == {"auth": "auth-2", "content": "content-1"}


def test_a_secret_that_changed_while_a_recorded_release_served_stays_changed() -> None:
    history = History(["auth", "content"])
    history.release("r1")
    history.record("r1")
    history.change_secret("auth")
    history.release("r2")
    assert chosen(history) == {"auth": "auth-2", "content": "content-1"}


def test_a_deploy_that_was_repeated_under_its_tag_is_told_apart_by_the_record() -> None:
    history = History(["auth", "content"])
    history.release("r1", only=["auth"])
    history.release("r1")
    history.record("r1")
    history.release("r2")
    assert chosen(history) == {"auth": "auth-2", "content": "content-1"}
    assert chosen(history, release="r1") == {"auth": "auth-2", "content": "content-1"}


def test_a_release_under_an_old_name_with_new_versions_is_another_one(four: History) -> None:
    four.condemn("r2", auth="auth-2", content="content-2")
    four.release("r2")
    four.record("r2")
    four.release("r9")
    assert chosen(four) == {"auth": "auth-5", "content": "content-5"}


def test_a_rollback_condemns_what_it_leaves(four: History) -> None:
    states, releases = four.states(), releases_of(four)
    plan = make_plan("local", states, releases, target(four), left_out=[])
    assert plan.leaves == {"releases": ["r4"], "versions": {"auth": ["auth-4"], "content": ["content-4"]}}


def test_a_limited_rollback_condemns_versions_only(four: History) -> None:
    choice = target(four, versions={"auth": "auth-2"})
    plan = make_plan("local", four.states(), releases_of(four), choice, left_out=[])
    assert plan.leaves == {"releases": [], "versions": {"auth": ["auth-4"]}}


def test_going_forward_condemns_nothing(four: History) -> None:
    four.back_to("r2")
    plan = make_plan("local", four.states(), releases_of(four), target(four, release="r4"), left_out=[])
    assert plan.leaves == {"releases": [], "versions": {}}


def test_a_second_rollback_stays(four: History) -> None:
    four.back_to("r2")
    four.condemn("r4", auth="auth-4", content="content-4")
    plan = make_plan("local", four.states(), releases_of(four), target(four), left_out=[])
    assert (plan.release, plan.changes) == ("r2", False)


def test_the_goal_of_a_run_that_was_killed_is_reached_by_resume(four: History) -> None:
    states, releases = four.states(), releases_of(four)
    goal = make_plan("local", states, releases, target(four), left_out=[]).as_dict()
    four.serve("auth", ("auth-2", 100))
    choice = resume(four, goal)
    plan = make_plan("local", four.states(), releases_of(four), choice, left_out=[])
    assert {move.component: move.changes for move in plan.moves} == {"auth": False, "content": True}
    four.release("r5", only=["content"])
    with pytest.raises(Refusal, match="content: content-5 was deployed since"):
        resume(four, goal)


def test_a_plan_does_not_bring_back_what_was_condemned_since(four: History) -> None:
    goal = make_plan("local", four.states(), releases_of(four), target(four), left_out=[]).as_dict()
    four.condemn("r2")
    with pytest.raises(Refusal, match="condemned since: it loses payments"):
        resume(four, goal)


def test_status_knows_a_recorded_set_by_its_versions(four: History) -> None:
    four.serve("auth", ("auth-2", 100))
    four.serve("content", ("content-2", 100))
    release, misfits = live_release(four.states(), releases_of(four))
    assert (release.name if release else None, misfits) == ("r2", [])


def test_the_plan_says_why_its_target_is_believed_good(four: History) -> None:
    choice = target(four)
    evidence = make_plan("test", four.states(), releases_of(four), choice, left_out=[]).evidence
    recorded = four.view().release("r2")
    assert recorded is not None and recorded.evidence is not None
    assert (evidence["verdict"], evidence["time"]) == ("pass", recorded.evidence.time.isoformat())
    assert {"tier", "by", "run", "served"} <= set(evidence)
    named = target(four, release="r3")
    assert make_plan("test", four.states(), releases_of(four), named, left_out=[]).evidence == {}
