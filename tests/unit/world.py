"""An environment to which things happen by chance, with books of what was really done.

The books know what Cloudflare forgets and what the ledger only implies; :mod:`tests.unit.oracle` reads them, and
nothing of the code that is tested. One seed gives one world.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from tests.unit.histories import History

Set = dict[str, str]


@dataclass
class Record:
    """A release as it was recorded. ``brought`` is what nobody had recorded before; ``at`` its moment."""

    name: str
    versions: Set
    brought: set[tuple[str, str]]
    at: datetime
    good: bool = False


@dataclass
class World:
    """``code`` maps a version to the one whose code it has, which is another one where a secret changed."""

    random: Random
    history: History = field(init=False)
    code: Set = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    condemned: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    condemned_versions: set[tuple[str, str]] = field(default_factory=set)
    cleared: set[str] = field(default_factory=set)
    ends_with_deploy: bool = False
    did: list[str] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        names = ["auth", "content", "site"][: self.random.choice((1, 2, 2, 3, 3))]
        follows = {"content": "when_changed"} if self.random.random() < 0.4 else {}
        self.history = History(names, follows=follows, kinds={"site": "pages"})

    # --- what is there

    def live(self) -> Set | None:
        """What serves, or nothing when a component is split."""
        found = {name: self.history.deployments[name][-1].sole for name in self.history.names}
        return None if None in found.values() else {name: str(id_) for name, id_ in found.items()}

    def is_worker(self, name: str) -> bool:
        return name not in self.history.kinds

    def workers(self) -> list[str]:
        return [name for name in self.history.names if self.is_worker(name)]

    def deployable(self, name: str) -> list[str]:
        return [version.id for version in self.history.versions[name][-self.history.deployable :]]

    # --- what is done to it

    def upload(self, name: str, style: str = "none", *, secret: bool = False, failed: bool = False) -> str:
        """A version. ``style`` is what the deploy script writes beside it."""
        tag = f"r{self._count}"
        sha = f"{self._count:05x}abcdef" + "0" * 29
        pages = not self.is_worker(name)
        more: dict[str, object] = {"secret_only": secret, "unfit": "not deployed" if failed else None}
        if style == "commit" or (style == "tag" and pages):
            more |= {"commit": sha, "message": tag} if pages else {"tag": sha, "message": tag}
        elif style == "tag":
            more |= {"tag": tag, "message": sha}
        elif style == "message":
            more |= {"message": tag}
        elif style == "always the same":
            more |= {"message": "deploy"}
        id_ = self.history.upload(name, **more)  # type: ignore[arg-type]
        before = self.history.versions[name][-2].id if len(self.history.versions[name]) > 1 else id_
        self.code[id_] = self.code[before] if secret else id_
        return id_

    def serve(self, name: str, *shares: tuple[str, float]) -> None:
        self.history.serve(name, *shares)

    def deploy(self, names: list[str], style: str, *, fails_at: int | None = None) -> None:
        """A release of some components; the script stops at the component where it fails."""
        for place, name in enumerate(names):
            if place == fails_at:
                if not self.is_worker(name):
                    self.upload(name, style, failed=True)
                return
            self.serve(name, (self.upload(name, style), 100))

    def record(self, verdict: str | None) -> None:
        """What ``record.yml`` does at the end of a deploy; ``None``: what the import of a history does."""
        live = self.live()
        if live is None:
            return
        codes = {self.code[id_] for id_ in live.values()}
        same = (
            each
            for each in self.records.values()
            if {self.code[id_] for id_ in each.versions.values()} == codes
        )
        known = next(same, None)
        name = known.name if known else f"r{self._count}"
        self.history.write("release", release=name, versions=live, imported=verdict is None)
        if known is None or known.versions != live:
            if self.records.pop(name, None):
                self.condemned.pop(name, None)
            taken = {
                (c, self.code[id_]) for each in self.records.values() for c, id_ in each.versions.items()
            }
            brought = {(c, self.code[id_]) for c, id_ in live.items()} - taken
            at = max((self.made(*pair) for pair in brought), default=self.history.now)
            self.records[name] = Record(name, live, brought, at)
        if verdict is not None:
            self.evidence(name, verdict)

    def evidence(self, name: str, verdict: str) -> None:
        self.history.write("evidence", release=name, verdict=verdict, tier="quick", run="run")
        self.records[name].good = verdict == "pass"

    def condemn(self, name: str | None, versions: Set) -> None:
        self.history.write("condemned", release=name, versions=versions, reason="it loses payments")
        self.condemned_versions |= set(versions.items())
        if name is not None:
            self.condemned.setdefault(name, set()).update(versions.items())
            self.cleared.discard(name)

    def clear(self, name: str) -> None:
        self.history.write("cleared", release=name, versions={}, reason="it was the network")
        self.condemned_versions -= self.condemned.pop(name)
        self.cleared.add(name)

    def go_to(self, target: Set, *, only: list[str] | None = None, rehearsed: bool = True) -> None:
        """What the switch of a rollback does, of a whole set or of a part of it."""
        for name in only if only is not None else list(target):
            last = self.history.deployments[name][-1]
            if last.sole == target[name]:
                continue
            if rehearsed and self.is_worker(name) and last.sole:
                self.serve(name, (last.sole, 100), (target[name], 0))
            self.serve(name, (target[name], 100))

    def roll_back(self, target: Set, record: str, verdict: str) -> None:
        """A whole rollback by the tool: it condemns what it left, and what it proved is evidence."""
        serving = {name: self.history.deployments[name][-1].serving for name in target}
        self.go_to(target)
        left = [
            (name, id_)
            for name, ids in serving.items()
            for id_ in ids
            if self.made(name, id_) > self.made(name, target[name])
        ]
        owners = dict.fromkeys(self._owner(name, id_) for name, id_ in left)
        first = next(iter(owners), None)
        for name, id_ in left:
            self.condemn(first, {name: id_})
        for owner in list(owners)[1:]:
            self.condemn(owner, {})
        self.evidence(record, verdict)

    def made(self, name: str, id_: str) -> datetime:
        return next(each.created for each in reversed(self.history.versions[name]) if each.id == id_)

    def _owner(self, name: str, id_: str) -> str:
        """The release that a version belongs to; those that nobody recorded have no name that matters here."""
        owners = (each.name for each in self.records.values() if (name, self.code[id_]) in each.brought)
        return next(owners, "not recorded")

    def step(self, what: Callable[["World"], None]) -> None:
        self._count += 1
        self.did.append(what.__name__)
        what(self)
        self.history.wait(60)
