"""What can happen to an environment: each is one step of a :class:`World`."""

from collections.abc import Callable
from random import Random

from tests.unit.oracle import Oracle
from tests.unit.world import World

STYLES = ("tag", "tag", "commit", "message", "none", "always the same")


def _style(world: World) -> str:
    return world.random.choice(STYLES)


def _some(world: World) -> list[str]:
    names = world.history.names
    return sorted(world.random.sample(names, world.random.randint(1, len(names))))


def _every_release(world: World) -> list[str]:
    """The components that a release deploys: those that follow only when they changed may be left out."""
    follows = world.history.follows
    chosen = [name for name in world.history.names if name not in follows or world.random.random() < 0.4]
    return chosen or world.history.names


def good_release(world: World) -> None:
    world.deploy(_every_release(world), _style(world))
    world.record("pass")


def release(world: World) -> None:
    """Nobody validated it, or it failed, or it was imported from the history."""
    world.deploy(_every_release(world), _style(world))
    verdict = world.random.choice(("fail", "imported", "nothing", "nothing"))
    if verdict != "nothing":
        world.record("fail" if verdict == "fail" else None)


def failed_deploy(world: World) -> None:
    names = _every_release(world)
    world.deploy(names, _style(world), fails_at=world.random.randrange(len(names)))


def repeated_deploy(world: World) -> None:
    """It failed, and was run again under the same name."""
    names, style = _every_release(world), _style(world)
    world.deploy(names, style, fails_at=world.random.randrange(len(names)))
    world.deploy(names, style)
    if world.random.random() < 0.5:
        world.record("pass")


def partial_deploy(world: World) -> None:
    """One leg of a matrix, recorded or not."""
    world.deploy(_some(world), _style(world))
    if world.random.random() < 0.5:
        world.record(world.random.choice(("pass", "pass", "fail")))


def changed_secret(world: World) -> None:
    """Cloudflare takes it only where the newest version serves."""
    for name in world.workers():
        if world.history.deployments[name][-1].sole == world.history.versions[name][-1].id:
            for _ in range(world.random.choice((1, 1, 2, 9))):
                world.serve(name, (world.upload(name, secret=True), 100))
            break
    if world.random.random() < 0.2:
        world.record("pass")


def withdrawn_secret(world: World) -> None:
    """A changed secret broke it, and a person goes back to the version before."""
    for name in world.workers():
        newest = world.history.versions[name][-1]
        if newest.secret_only and world.history.deployments[name][-1].sole == newest.id:
            world.serve(name, (world.history.versions[name][-2].id, 100))
            return


def canary(world: World) -> None:
    """A part of the traffic first; then all of it, or none. Pages has no splits."""
    before, style = world.live(), _style(world)
    if before is None:
        return
    new = {name: world.upload(name, style) for name in world.workers()}
    for percent in world.random.choice(((10,), (5, 20, 50), (1, 2, 5, 10, 20, 30, 40, 50, 75))):
        for name, id_ in new.items():
            world.serve(name, (before[name], 100 - percent), (id_, percent))
    end = world.random.choice(("everywhere", "nowhere", "it goes on"))
    if end != "it goes on":
        for name, id_ in new.items():
            world.serve(name, (id_ if end == "everywhere" else before[name], 100))
        if end == "everywhere" and world.random.random() < 0.5:
            world.record("pass")


def uploads(world: World) -> None:
    """CI uploads a version for every branch; none of them is deployed."""
    style = _style(world)
    for _ in range(world.random.choice((1, 1, 3, 40, 110))):
        for name in world.workers() if world.random.random() < 0.8 else world.workers()[:1]:
            world.upload(name, style)


def back_by_hand(world: World) -> None:
    """A person goes back with other tools: the whole set, or what was thought of."""
    known = [
        each.versions
        for each in world.records.values()
        if all(id_ in world.deployable(name) for name, id_ in each.versions.items())
    ]
    if known:
        there = world.random.choice(known[-4:])
        only = list(there) if world.random.random() < 0.7 else _some(world)
        world.go_to(there, only=[name for name in only if name in there], rehearsed=False)
    if world.random.random() < 0.3:
        world.record("pass")


def forward_by_hand(world: World) -> None:
    """The newest of everything again."""
    there = {name: world.history.versions[name][-1] for name in world.history.names}
    world.go_to(
        {name: version.id for name, version in there.items() if version.unfit is None}, rehearsed=False
    )


def rollback(world: World) -> None:
    """By this tool, which condemns what it left."""
    best = Oracle(world, 10).best()
    if best is not None:
        target = Oracle(world, 10).as_it_worked(best)
        world.roll_back(target, best.name, world.random.choice(("pass", "pass", "pass", "fail")))


def killed_rollback(world: World) -> None:
    """By this tool, but killed when some had arrived."""
    target = Oracle(world, 10).target()
    if target is not None:
        world.go_to(target, only=world.random.sample(list(target), world.random.randint(0, len(target))))


def condemned(world: World) -> None:
    """A person condemns a release, or a version, or thinks otherwise."""
    name = world.random.choice(world.history.names)
    again = [each for each in world.condemned if each in world.records]
    if again and world.random.random() < 0.4:
        world.clear(world.random.choice(again))
    elif world.records and world.random.random() < 0.5:
        world.condemn(world.random.choice(list(world.records)), {})
    else:
        world.condemn(None, {name: world.random.choice(world.history.versions[name][-30:]).id})


def validated_again(world: World) -> None:
    """What serves is validated once more."""
    world.record(world.random.choice(("pass", "fail")))


def new_component(world: World) -> None:
    """The application grows: what was recorded before is no whole set any more."""
    if "gateway" not in world.history.names:
        world.history.add("gateway")
    world.deploy(world.history.names, _style(world))
    world.record("pass")


HAPPENINGS: tuple[tuple[Callable[[World], None], int], ...] = (
    (good_release, 24), (release, 12), (failed_deploy, 8), (repeated_deploy, 4), (partial_deploy, 8),
    (changed_secret, 8), (withdrawn_secret, 3), (canary, 6), (uploads, 5), (back_by_hand, 7),
    (forward_by_hand, 2), (rollback, 6), (killed_rollback, 3), (condemned, 4), (validated_again, 3),
    (new_component, 1),
)  # fmt: skip
_ENDS = (release, failed_deploy, partial_deploy)


def world_of(seed: int) -> World:
    """A world; in most of them the last thing that happened is the deploy that makes people roll back."""
    random = Random(seed)
    world = World(random)
    world.step(first_release)
    steps, weights = zip(*HAPPENINGS, strict=True)
    for what in random.choices(steps, weights, k=random.randint(1, 24)):
        world.step(what)
    if random.random() < 0.7:
        world.ends_with_deploy = True
        world.step(random.choice(_ENDS))
    return world


def first_release(world: World) -> None:
    world.deploy(world.history.names, _style(world))
    if world.random.random() < 0.7:
        world.record("pass")
