"""Which release a rollback goes to (S28, S34-S40; D2-D4 are what it must never do)."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.module_utils.ledger.view import View
from plugins.module_utils.release.candidate import Rules
from plugins.module_utils.release.choose import Choice, Refusal, choose
from plugins.module_utils.release.group import group
from plugins.module_utils.release.live import live_release
from plugins.module_utils.release.plan import make_plan
from tests.unit.histories import History

WINDOW = timedelta(minutes=15)
# What Cloudflare alone can tell: no ledger.
WITHOUT = Rules(evidence=False)


def target(history: History, **asked: object) -> Choice:
    states = history.states()
    return choose(states, group(states, window=WINDOW), View(()), WITHOUT, **asked)  # type: ignore[arg-type]


def chosen(history: History, **asked: object) -> dict[str, str]:
    return {name: version.id for name, version in target(history, **asked).candidate.versions.items()}


@pytest.fixture
def three() -> History:
    history = History(["auth", "content"])
    for tag in ("r1", "r2", "r3"):
        history.release(tag)
    return history


def test_the_release_before_the_newest(three: History) -> None:
    assert target(three).candidate.release.name == "r2"
    assert chosen(three) == {"auth": "auth-2", "content": "content-2"}


def test_a_second_run_stays_where_the_first_went(three: History) -> None:
    three.back_to("r2")
    assert chosen(three) == {"auth": "auth-2", "content": "content-2"}
    states = three.states()
    releases = group(states, window=WINDOW)
    plan = make_plan("local", states, releases, choose(states, releases, View(()), WITHOUT), left_out=[])
    assert not plan.changes


def test_a_run_that_was_killed_half_way_is_finished(three: History) -> None:
    three.serve("auth", ("auth-2", 100))
    assert chosen(three) == {"auth": "auth-2", "content": "content-2"}


def test_a_release_that_was_rolled_back_from_is_passed_over(three: History) -> None:
    three.back_to("r2")
    three.release("r4")
    choice = target(three)
    assert choice.candidate.release.name == "r2"
    assert [item.release.name for item in choice.skipped] == ["r3"]
    assert "rolled back from" in (choice.skipped[0].objection or "")


def test_a_release_that_was_deployed_again_afterwards_counts_again(three: History) -> None:
    three.back_to("r2")
    three.back_to("r3")
    three.release("r4")
    assert target(three).candidate.release.name == "r3"


def test_a_person_may_name_a_release_that_was_rolled_back_from(three: History) -> None:
    three.back_to("r2")
    assert chosen(three, release="r3") == {"auth": "auth-3", "content": "content-3"}


def test_a_secret_change_is_no_release_of_its_own(three: History) -> None:
    three.change_secret("auth")
    assert chosen(three) == {"auth": "auth-2", "content": "content-2"}


def test_a_secret_that_changed_while_the_target_served_stays_changed() -> None:
    history = History(["auth", "content"])
    history.release("r1")
    history.release("r2")
    history.change_secret("auth")
    history.release("r3")
    assert chosen(history) == {"auth": "auth-3", "content": "content-2"}


def test_an_incomplete_release_is_passed_over(three: History) -> None:
    three.release("r4", only=["auth"])
    three.release("r5")
    choice = target(three)
    assert choice.candidate.release.name == "r3"
    assert choice.skipped[0].objection == "content has no version of it"


def test_a_deploy_that_reached_only_some_goes_back_to_the_whole_set(three: History) -> None:
    three.release("r4", only=["auth"])
    assert chosen(three) == {"auth": "auth-3", "content": "content-3"}


def test_a_component_that_is_deployed_only_when_it_changed_is_carried() -> None:
    history = History(["auth", "content"], follows={"content": "when_changed"})
    history.release("r1")
    history.release("r2", only=["auth"])
    history.release("r3", only=["auth"])
    assert chosen(history) == {"auth": "auth-2", "content": "content-1"}


def test_a_version_that_never_served_is_no_target(three: History) -> None:
    for name in three.names:
        three.upload(name, tag="r4")
    three.release("r5")
    choice = target(three)
    assert choice.candidate.release.name == "r3"
    assert "never deployed" in (choice.skipped[0].objection or "")


def test_a_split_is_no_target() -> None:
    history = History(["auth"])
    history.release("r1")
    canary = history.upload("auth", tag="r2")
    history.serve("auth", ("auth-1", 90), (canary, 10))
    history.release("r3")
    choice = target(history)
    assert choice.candidate.release.name == "r1"
    assert "split" in (choice.skipped[0].objection or "")


def test_a_rehearsed_version_did_not_serve() -> None:
    history = History(["auth"])
    history.release("r1")
    history.serve("auth", ("auth-1", 100), (history.upload("auth", tag="r2"), 0))
    history.release("r3")
    assert target(history).candidate.release.name == "r1"


def test_a_version_older_than_the_history_may_have_served() -> None:
    history = History(["auth"], keeps=10)
    for number in range(1, 14):
        history.release(f"r{number}")
    assert chosen(history, release="r2") == {"auth": "auth-2"}


def test_nothing_older_is_a_refusal_with_the_candidates() -> None:
    history = History(["auth"])
    history.release("r1")
    with pytest.raises(Refusal, match="no release before r1") as refusal:
        target(history)
    assert [item.release.name for item in refusal.value.candidates] == ["r1"]


def test_an_environment_without_deployments_is_a_refusal() -> None:
    with pytest.raises(Refusal, match="ever put into service"):
        target(History(["auth"]))


def test_without_tags_time_joins_and_doubt_refuses() -> None:
    history = History(["auth", "content"])
    history.release(None)
    history.release(None)
    assert chosen(history) == {"auth": "auth-1", "content": "content-1"}
    hasty = History(["auth", "content"])
    for name in ("auth", "auth", "content"):
        hasty.serve(name, (hasty.upload(name), 100))
    hasty.release(None, only=[])
    hasty._tick(60)
    hasty.release(None)
    with pytest.raises(Refusal, match="nothing tells apart"):
        target(hasty)


def test_a_message_that_is_always_the_same_joins_nothing() -> None:
    history = History(["auth", "content"])
    for _ in range(4):
        history.release(None, message="deploy")
    assert chosen(history) == {"auth": "auth-3", "content": "content-3"}


def test_commits_join_workers_and_pages() -> None:
    history = History(["auth", "site"])
    for letter in "abc":
        sha = letter * 40
        history.serve("auth", (history.upload("auth", tag=sha), 100))
        history.serve("site", (history.upload("site", commit=sha), 100))
        history._tick(60)
    assert chosen(history) == {"auth": "auth-2", "site": "site-2"}
    assert chosen(history, release="aaaaaaaa") == {"auth": "auth-1", "site": "site-1"}


def test_an_unknown_or_ambiguous_name_is_refused(three: History) -> None:
    with pytest.raises(Refusal, match="no release 'r9'"):
        target(three, release="r9")


def test_versions_move_only_what_they_name(three: History) -> None:
    assert chosen(three, versions={"auth": "auth-1"}) == {"auth": "auth-1"}
    with pytest.raises(Refusal, match="no component of this run"):
        target(three, versions={"payment": "x"})
    with pytest.raises(Refusal, match="has no version nonsense"):
        target(three, versions={"auth": "nonsense"})


def test_status_names_what_does_not_fit(three: History) -> None:
    three.names.append("gateway")
    three.versions["gateway"], three.deployments["gateway"] = [], []
    three.serve("gateway", (three.upload("gateway", tag="r2"), 100))
    states = three.states()
    release, misfits = live_release(states, group(states, window=WINDOW))
    assert release is not None
    assert (release.name, misfits) == ("r3", ["gateway"])


# --- invariants over made-up histories -------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.just(("release",)),
        st.tuples(st.just("partial"), st.integers(0, 2)),
        st.tuples(st.just("secret"), st.integers(0, 2)),
        st.tuples(st.just("upload"), st.integers(0, 2)),
        st.tuples(st.just("back"), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=8,
)


class Oracle:
    """Follows a history by what was done, not by what the platform lists."""

    def __init__(self) -> None:
        self.whole: list[str] = []
        self.left: set[str] = set()
        self.newest: str | None = None
        self.on: dict[str, str] = {}

    def went(self, names: list[str], tag: str, order: list[str]) -> None:
        for name in names:
            before = self.on.get(name)
            if before is not None and before != tag:
                backwards = order.index(tag) < order.index(before)
                (self.left.add if backwards else self.left.discard)(f"{before}@{name}")
            self.on[name] = tag
            self.left.discard(f"{tag}@{name}")

    def target(self, order: list[str]) -> str | None:
        older = order[: order.index(self.newest)] if self.newest else []
        condemned = {item.split("@")[0] for item in self.left}
        return next((tag for tag in reversed(older) if tag in self.whole and tag not in condemned), None)


def play(moves: list[tuple[object, ...]]) -> tuple[History, Oracle, list[str]]:
    names = ["auth", "content", "site"]
    history, oracle, order = History(names, keeps=1000), Oracle(), []
    for move in moves:
        tag = f"r{len(order) + 1}"
        if move[0] == "release":
            history.release(tag)
            order.append(tag)
            oracle.went(names, tag, order)
            oracle.whole.append(tag)
            oracle.newest = tag
        elif move[0] == "partial":
            some = [name for index, name in enumerate(names) if index != move[1]]
            history.release(tag, only=some)
            order.append(tag)
            oracle.went(some, tag, order)
            oracle.newest = tag
        elif move[0] == "secret" and history.deployments[names[move[1]]]:  # type: ignore[index]
            name = names[move[1]]  # type: ignore[index]
            if history.live(name) == history.versions[name][-1].id:
                history.change_secret(name)
        elif move[0] == "upload":
            history.upload(names[move[1]], tag=tag)  # type: ignore[index]
            history._tick(60)
            order.append(tag)
        elif move[0] == "back" and len(oracle.whole) > move[1]:  # type: ignore[operator]
            goal = oracle.whole[-1 - move[1]]  # type: ignore[operator]
            history.back_to(goal)
            oracle.went(names, goal, order)
    return history, oracle, order


@settings(max_examples=300, deadline=None)
@given(steps)
def test_the_target_is_the_oracles(moves: list[tuple[object, ...]]) -> None:
    history, oracle, order = play(moves)
    expected = oracle.target(order)
    try:
        got: str | None = target(history).candidate.release.name
    except Refusal:
        got = None
    assert got == expected


@settings(max_examples=150, deadline=None)
@given(steps)
def test_going_there_is_stable(moves: list[tuple[object, ...]]) -> None:
    """After the switch the same question has the same answer, and nothing is left to do."""
    history, _, _ = play(moves)
    try:
        first = chosen(history)
    except Refusal:
        return
    for name, version in first.items():
        if history.live(name) != version:
            history.serve(name, (version, 100))
    assert chosen(history) == first


@settings(max_examples=100, deadline=None)
@given(steps)
def test_every_version_belongs_to_one_release(moves: list[tuple[object, ...]]) -> None:
    history, _, _ = play(moves)
    releases = group(history.states(), window=WINDOW)
    placed = [version.id for item in releases for versions in item.members.values() for version in versions]
    assert sorted(placed) == sorted(
        version.id for versions in history.versions.values() for version in versions
    )
