"""Histories of an environment, made up step by step, for the tests of target choice."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from plugins.module_utils.ledger.entry import Entry
from plugins.module_utils.ledger.view import View
from plugins.module_utils.release.model import Component, Deployment, State, Version

START = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class History:
    """Components with versions and deployments, oldest first, and a clock that moves a minute a step."""

    names: list[str]
    keeps: int = 10
    deployable: int = 100
    follows: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    now: datetime = START
    versions: dict[str, list[Version]] = field(default_factory=dict)
    deployments: dict[str, list[Deployment]] = field(default_factory=dict)
    ledger: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in self.names:
            self.versions[name], self.deployments[name] = [], []

    def add(self, name: str) -> None:
        """A component that was not there before."""
        self.names.append(name)
        self.versions[name], self.deployments[name] = [], []

    def wait(self, minutes: float) -> None:
        """Time passes."""
        self._tick(minutes)

    def _tick(self, minutes: float = 1) -> datetime:
        self.now += timedelta(minutes=minutes)
        return self.now

    def upload(self, name: str, *, tag: str | None = None, **more: object) -> str:
        """A version that takes no traffic; its id."""
        id_ = f"{name}-{len(self.versions[name]) + 1}"
        self.versions[name].append(Version(id_, self._tick(), tag=tag, **more))  # type: ignore[arg-type]
        return id_

    def serve(self, name: str, *shares: tuple[str, float]) -> None:
        """A deployment."""
        id_ = f"{name}-d{len(self.deployments[name]) + 1}"
        self.deployments[name].append(Deployment(id_, self._tick(), tuple(shares)))

    def release(self, tag: str | None, *, only: list[str] | None = None, **more: object) -> None:
        """Deploy a new version on all components, or on some."""
        for name in only or self.names:
            self.serve(name, (self.upload(name, tag=tag, **more), 100))
        self._tick(60)

    def change_secret(self, name: str) -> None:
        """What ``wrangler secret put`` does: a version of the same code, deployed at once."""
        self.serve(name, (self.upload(name, secret_only=True), 100))

    def back_to(self, tag: str) -> None:
        """A person rolls the whole set back to the newest version of ``tag`` on each component."""
        for name in self.names:
            mine = [version for version in self.versions[name] if version.tag == tag]
            if mine:
                self.serve(name, (mine[-1].id, 100))
        self._tick(60)

    def write(self, kind: str, **body: object) -> None:
        """An entry of the ledger."""
        seq = len(self.ledger) + 1
        self.ledger.append(Entry(kind, self._tick(), "a person", body, f"hash-{seq}", (), seq))

    def record(self, tag: str, verdict: str | None = "pass") -> None:
        """What ``record.yml`` does with what is live; without a verdict, what an import does."""
        versions = {name: self.live(name) for name in self.names}
        self.write("release", release=tag, versions=versions, imported=verdict is None)
        if verdict is not None:
            self.write("evidence", release=tag, verdict=verdict, tier="quick", run="run")

    def condemn(self, tag: str, **versions: str) -> None:
        self.write("condemned", release=tag, versions=versions, reason="it loses payments")

    def view(self) -> View:
        return View(self.ledger)

    def live(self, name: str) -> str:
        return self.deployments[name][-1].shares[0][0]

    def states(self) -> dict[str, State]:
        """What Cloudflare lists of it."""
        return {name: self._state(name) for name in self.names}

    def _state(self, name: str) -> State:
        kind = self.kinds.get(name, "worker")
        component = Component(name, kind, name, self.follows.get(name, "always"))
        # Of a Pages project only what is canonical now is known.
        kept = 1 if kind == "pages" else self.keeps
        return State(
            component,
            tuple(reversed(self.deployments[name][-kept:])),
            tuple(reversed(self.versions[name][-self.deployable :])),
            kind != "pages" and len(self.deployments[name]) < self.keeps,
        )
