"""The target in many made-up histories against an oracle that knows what was done (issue 5, "Choice").

The full size is ``make soak``. A failure names the seed: ``world_of(<seed>)`` is that history.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from random import Random

import pytest

from plugins.module_utils.release.candidate import Rules
from plugins.module_utils.release.choose import Choice, Refusal, choose, pinned
from plugins.module_utils.release.group import group
from plugins.module_utils.release.model import State
from plugins.module_utils.release.plan import make_plan
from tests.unit.happenings import world_of
from tests.unit.oracle import Oracle
from tests.unit.world import Set, World

WINDOW = timedelta(minutes=15)
# How many deployments of a Worker Cloudflare lists.
LISTED = 10
BOUNDED = range(500)
Rule = Callable[[World], Set | None]


def choice_of(world: World, *, evidence: bool = True, **asked: object) -> Choice:
    states, known = world.history.states(), world.history.view()
    releases = group(states, window=WINDOW, recorded=known.releases)
    return choose(states, releases, known, Rules(evidence=evidence), **asked)  # type: ignore[arg-type]


def versions_of(choice: Choice) -> Set:
    return {name: version.id for name, version in choice.candidate.versions.items()}


def ours(world: World) -> Set | None:
    try:
        return versions_of(choice_of(world))
    except Refusal:
        return None


def again(world: World, goal: dict[str, object]) -> Choice:
    """What ``-e resume=...`` goes to."""
    states, known = world.history.states(), world.history.view()
    releases = group(states, window=WINDOW, recorded=known.releases)
    return pinned(states, releases, known, Rules(), goal, "resume", exactly=False)


# --- what others do


def wrangler_rollback(world: World) -> Set | None:
    """``wrangler rollback`` without an id: the first older deployment with one version at 100 %, whatever it is.

    It knows nothing of Pages; there, the deployment before the one that serves.
    """

    def of(state: State) -> str | None:
        if state.component.kind == "pages":
            return _before(state)
        older = (deployment.sole for deployment in state.deployments[1:])
        return next((sole for sole in older if sole is not None), None)

    return _each(world, of)


def second_newest(world: World) -> Set | None:
    """The version that was made before the newest one."""

    def of(state: State) -> str | None:
        made = [version.id for version in state.versions if version.unfit is None]
        return made[1] if len(made) > 1 else None

    return _each(world, of)


def _before(state: State) -> str | None:
    made = [version.id for version in state.versions if version.unfit is None]
    older = made[made.index(state.deployments[0].sole) + 1 :]  # type: ignore[arg-type]
    return older[0] if older else None


def _each(world: World, of: Callable[[State], str | None]) -> Set | None:
    found = {name: of(state) for name, state in world.history.states().items()}
    return None if None in found.values() else {name: str(id_) for name, id_ in found.items()}


# --- judging


def judge(found: Set | None, right: Set | None) -> str:
    if found == right:
        return "right"
    if found is None:
        return "refused"
    return "wrong" if right is not None else "went"


def tables(seeds: Iterable[int]) -> dict[str, dict[str, Counter[str]]]:
    """Per kind of history and rule, how often it was right.

    ``right``; ``wrong``: another set; ``refused``, though there is a target; ``went`` somewhere, though there is none.
    """
    rules: dict[str, Rule] = {
        "ours": ours,
        "`wrangler rollback`": wrangler_rollback,
        "second newest by time": second_newest,
    }
    kinds = ("all", "a deploy came last")
    found: dict[str, dict[str, Counter[str]]] = {kind: {} for kind in kinds}
    for seed in seeds:
        world = world_of(seed)
        done, known = Oracle(world).target(), Oracle(world, LISTED).target()
        answers = {f"{name}, by what was done": judge(rule(world), done) for name, rule in rules.items()}
        answers["ours, by what Cloudflare lists"] = judge(ours(world), known)
        assert answers["ours, by what Cloudflare lists"] == "right", f"seed {seed}: {world.did}"
        for kind in kinds[: 2 if world.ends_with_deploy else 1]:
            for name, answer in answers.items():
                found[kind].setdefault(name, Counter())[answer] += 1
    return found


def check_condemned(seed: int) -> None:
    """What is condemned is no target, whatever is asked for."""
    world = world_of(seed)
    oracle = Oracle(world, LISTED)
    for evidence in (True, False):
        try:
            found = choice_of(world, evidence=evidence)
        except Refusal:
            continue
        assert found.candidate.release.name not in world.condemned, f"seed {seed}"
        assert not oracle.holds_condemned(versions_of(found)), f"seed {seed}"
    listed = {name: set(world.deployable(name)) for name in world.history.names}
    for name, id_ in world.condemned_versions:
        asked: list[dict[str, object]] = [{"versions": {name: id_}}]
        # The same code, with a secret that was changed later.
        asked += [
            {"versions": {name: other}}
            for other in listed[name]
            if id_ in listed[name] and oracle.is_condemned(name, other)
        ]
        for each in asked:
            with pytest.raises(Refusal):
                choice_of(world, **each)
    for name in world.condemned:
        with pytest.raises(Refusal):
            choice_of(world, release=name)
        if name in world.records:
            versions = world.records[name].versions
            with pytest.raises(Refusal):
                choice_of(world, versions=versions)
            moves = [{"component": each, "live": [], "to_id": id_} for each, id_ in versions.items()]
            with pytest.raises(Refusal):
                again(world, {"release": name, "moves": moves})


def check_going_there(seed: int) -> bool:
    """From wherever a run was killed the same set is reached, and once there it stays.

    Whether the choice without a goal stayed the same as well: what a rollback deploys pushes older deployments
    off Cloudflare's list, and with them the only trace of somebody having gone back by hand.
    """
    world = world_of(seed)
    try:
        choice = choice_of(world)
    except Refusal:
        return True
    target = versions_of(choice)
    states, known = world.history.states(), world.history.view()
    releases = group(states, window=WINDOW, recorded=known.releases)
    goal = make_plan("local", states, releases, choice, left_out=[]).as_dict()
    random = Random(seed)
    world.go_to(target, only=random.sample(list(target), random.randint(0, len(target))))
    assert versions_of(again(world, goal)) == target, f"seed {seed}, killed"
    assert ours(world) == Oracle(world, LISTED).target(), f"seed {seed}, killed"
    world.go_to(target)
    assert versions_of(again(world, goal)) == target, f"seed {seed}, arrived"
    assert world.live() == target
    stays = ours(world)
    assert stays == Oracle(world, LISTED).target(), f"seed {seed}, arrived"
    return stays == target


def test_the_target_is_the_right_one() -> None:
    found = tables(BOUNDED)["a deploy came last"]
    # Were it easy, these would not be wrong.
    assert found["`wrangler rollback`, by what was done"]["wrong"] > 10
    assert found["second newest by time, by what was done"]["wrong"] > 10


def test_what_is_condemned_is_never_chosen() -> None:
    for seed in BOUNDED:
        check_condemned(seed)


def test_the_same_set_is_reached_from_half_way_and_kept() -> None:
    assert sum(not check_going_there(seed) for seed in BOUNDED) <= 0.02 * len(BOUNDED)
