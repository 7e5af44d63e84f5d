"""Rollbacks, deploys and people at the same time, in a model of Cloudflare (issue 5, "races").

The real switch and rehearsal run against a Cloudflare whose calls any other actor may come between. The full size
is ``make soak``; a failure names the seed. Cloudflare has no lock and no compare-and-set, so a deploy that comes
between a read and a write of ours is overwritten; what is demanded is that this is never unseen.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from plugins.module_utils.cloudflare import rehearse as rehearsing
from plugins.module_utils.cloudflare import switch as switching
from plugins.module_utils.cloudflare.errors import Unanswered
from plugins.module_utils.cloudflare.platform import Shares
from plugins.module_utils.cloudflare.rehearse import rehearse, withdraw
from plugins.module_utils.cloudflare.switch import put_back, switch
from plugins.module_utils.journal import Journal
from plugins.module_utils.probe.check import Limits
from plugins.module_utils.probe.connect import Connector
from plugins.module_utils.redact import Redactor
from plugins.module_utils.release.model import Component, Deployment, State
from plugins.module_utils.release.plan import Move
from tests.unit.scheduler import Scheduler

START = datetime(2026, 11, 1, tzinfo=UTC)
NAMES = ("auth", "content", "site")
KINDS = {"site": "pages"}
BOUNDED = range(300)


@dataclass
class Write:
    """Who put what into service, and what it took out."""

    by: str
    name: str
    now: Deployment
    before: Deployment


@dataclass
class Cloud:
    """What Cloudflare does; between any two calls others may come. ``faults``: how often an answer is lost."""

    scheduler: Scheduler
    random: Random
    faults: float
    now: datetime = START
    serving: dict[str, Deployment] = field(default_factory=dict)
    listed: dict[str, list[Deployment]] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    read: dict[tuple[str, str], Deployment] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in NAMES:
            self.listed[name] = []
            for release in ("r1", "r2", "r3"):
                self._put("before", name, ((f"{name}-{release}", 100.0),))

    def state(self, component: Component) -> State:
        raise NotImplementedError

    def history(self, component: Component) -> tuple[Deployment, ...]:
        self.scheduler.pause()
        name, now = component.name, self.serving[component.name]
        self.read[self.scheduler.actor, name] = now
        if component.kind == "pages":
            return (now, *(each for each in reversed(self.listed[name]) if each is not now))
        return tuple(reversed(self.listed[name][-10:]))

    def serve(self, component: Component, shares: Shares, message: str, *, force: bool) -> None:
        self.scheduler.pause()
        lost = self.random.random() < self.faults
        if not (lost and self.random.random() < 0.5):
            self._put(self.scheduler.actor, component.name, shares)
        if lost:
            raise Unanswered("reset")

    def deploy(self, name: str, release: str) -> None:
        """What a deploy script does for one component."""
        self.scheduler.pause()
        self._put(self.scheduler.actor, name, ((f"{name}-{release}", 100.0),))

    def split(self, name: str, release: str) -> None:
        """A person gives a new version a part of the traffic."""
        self.scheduler.pause()
        self._put(
            self.scheduler.actor, name, ((self.serving[name].serving[0], 90.0), (f"{name}-{release}", 10.0))
        )

    def _put(self, by: str, name: str, shares: Shares) -> None:
        self.now += timedelta(seconds=1)
        # Pages knows when a deployment was built, not when it was put into service again.
        built = (
            next((each for each in self.listed[name] if each.shares == shares), None)
            if name in KINDS
            else None
        )
        new = built or Deployment(f"d{len(self.writes)}-{name}", self.now, shares)
        if built is None:
            self.listed[name].append(new)
        self.writes.append(Write(by, name, new, self.serving.get(name, new)))
        self.serving[name] = new


@dataclass
class Rollback:
    """One run: plan, rehearse, switch, and what the policy says when not all arrived. ``told`` is all it says."""

    cloud: Cloud
    journal: Journal
    by: str
    to: str
    random: Random
    seen: datetime = START
    live: dict[str, Shares] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=lambda: dict.fromkeys(NAMES, ""))
    whole: bool = False

    def __call__(self) -> None:
        # The plan is made of one look; when that is, chance decides.
        self.cloud.scheduler.pause()
        moves = [self._move(name) for name in NAMES]
        self.seen = self.cloud.now
        self.live = {move.component: move.live for move in moves}
        if self.random.random() < 0.7 and not self._rehearse(moves):
            return
        found = self._switch(moves)
        self.whole = all(item.at_target for item in found)
        if not self.whole and self.random.random() < 0.5:
            todo = {item.component for item in found if item.state in ("moved", "unknown")}
            back = put_back(
                self.cloud, [move for move in moves if move.component in todo], message="", force=True,
                journal=self.journal,
            )  # fmt: skip
            for item in back:
                self._tell(item.component, item)

    def _rehearse(self, moves: list[Move]) -> bool:
        tried = rehearse(
            self.cloud, Connector(), moves, {}, Limits(0.0), message="", force=False, journal=self.journal
        )
        for item in tried:
            self.told[item.component] += f" {item.why}"
        good = all(item.verdict in ("pass", "inconclusive") for item in tried) and self.random.random() < 0.6
        if not good:
            for name, why in withdraw(self.cloud, moves, "").items():
                self.told[name] += f" {why}"
        return good

    def _switch(self, moves: list[Move]) -> list[switching.Moved]:
        order = {"auth": ["content"]} if self.random.random() < 0.3 else {}
        found = switch(self.cloud, moves, order=order, message="", force=False, journal=self.journal)
        for item in found:
            self._tell(item.component, item)
            self._is_true(item)
        return found

    def _tell(self, name: str, item: switching.Moved) -> None:
        self.told[name] += f" {item.state} {item.where} {item.problem} {' '.join(item.overrode)}"

    def _is_true(self, item: switching.Moved) -> None:
        """What is said of a component is what was there when it was looked at last."""
        if item.problem and item.problem.startswith("not touched"):
            return
        last = self.cloud.read[self.by, item.component]
        assert item.where == " + ".join(last.serving)
        assert item.at_target == (last.sole == f"{item.component}-{self.to}")

    def _move(self, name: str) -> Move:
        live = tuple(share for share in self.cloud.serving[name].shares if share[1] > 0)
        target = f"{name}-{self.to}"
        there = [id_ for id_, _ in live] == [target]
        return Move(
            component=name, kind=KINDS.get(name, "worker"), target=name, live=live, seen=self.cloud.now.isoformat(),
            from_label="", to_id=target, to_label="", to_created="", method="none" if there else "deployment",
            why="", identity={},
        )  # fmt: skip


def play(seed: int, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """One interleaving, and everything that must hold of it."""
    random = Random(seed)
    scheduler = Scheduler(random)
    for module in (switching, rehearsing):
        monkeypatch.setattr(module, "each", scheduler.each)
    monkeypatch.setattr(switching, "_BACKOFF", (0.0,) * 5)
    cloud = Cloud(scheduler, random, random.choice((0.0, 0.0, 0.2)))
    runs = [Rollback(cloud, journal, "one", "r2", random)]
    if random.random() < 0.4:
        runs.append(Rollback(cloud, journal, "two", random.choice(("r1", "r2", "r2")), random))
    actors: dict[str, Callable[[], None]] = {run.by: run for run in runs}
    for number in range(random.randint(0, 2)):
        actors[f"deploy {number}"] = _deployer(
            cloud, f"r{4 + number}", random.sample(NAMES, random.randint(1, 3))
        )
    if random.random() < 0.4:
        workers = random.sample([name for name in NAMES if name not in KINDS], random.randint(1, 2))
        actors["a person"] = _splitter(cloud, workers)
    scheduler.run(actors)
    found = Counter({"interleavings": 1})
    for run in runs:
        found += _judge(run, seed)
    return found


def _deployer(cloud: Cloud, release: str, names: list[str]) -> Callable[[], None]:
    def deploy() -> None:
        for name in names:
            cloud.deploy(name, release)

    return deploy


def _splitter(cloud: Cloud, names: list[str]) -> Callable[[], None]:
    def split() -> None:
        for name in names:
            cloud.split(name, "canary")

    return split


def _judge(run: Rollback, seed: int) -> Counter[str]:
    found: Counter[str] = Counter()
    for write in run.cloud.writes:
        if write.by != run.by or write.before.created <= run.seen:
            continue
        ours = {id_ for id_, _ in run.live[write.name]} | {f"{write.name}-{run.to}"}
        for id_ in set(write.before.serving) - ours - set(write.now.serving):
            found["a deploy was overwritten, and named"] += 1
            assert id_ in run.told[write.name], (
                f"seed {seed}: {run.by} overwrote {id_} unseen: {run.told[write.name]}"
            )
    for name in NAMES:
        last = next(write for write in reversed(run.cloud.writes) if write.name == name)
        there = last.now.sole == f"{name}-{run.to}"
        if run.whole and not there:
            assert last.by != run.by, f"seed {seed}: {name} is not where {run.by} says that it is"
            found["a deploy came after the rollback"] += 1
    found["whole" if run.whole else "not whole, and said so"] += 1
    return found


def test_no_deploy_disappears_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, "run", Redactor())
    found: Counter[str] = Counter()
    for seed in BOUNDED:
        found += play(seed, journal, monkeypatch)
    # Were nothing ever overwritten, this would prove nothing.
    assert found["a deploy was overwritten, and named"] > 10
    assert min(found["whole"], found["not whole, and said so"]) > 30
