"""What the right target is, read from the books of a :class:`World` and not from what Cloudflare lists."""

from dataclasses import dataclass
from datetime import datetime

from plugins.module_utils.release.model import Deployment
from tests.unit.world import Record, Set, World

ALL = 1_000_000


@dataclass
class Oracle:
    """``sees``: how many of a Worker's deployments it may look at.

    With all of them it knows what was done. With ten it knows what anybody can know who asks Cloudflare: of a
    Pages project only what serves now, and a version from before those ten counts as one that served.
    """

    world: World
    sees: int = ALL

    def target(self) -> Set | None:
        """The newest recorded set that is good, whole, uncondemned and deployable, older than what was put into
        service last, and that nobody went back from by hand; ``None``: there is no such set."""
        found = self.best()
        return self.as_it_worked(found) if found else None

    def best(self) -> Record | None:
        newest = self.newest()
        older = [each for each in self.world.records.values() if newest is not None and each.at < newest]
        return max((each for each in older if self.is_right(each)), key=lambda each: each.at, default=None)

    def is_right(self, record: Record) -> bool:
        world = self.world
        if (
            not record.good
            or record.name in world.condemned
            or set(record.versions) != set(world.history.names)
        ):
            return False
        if any(id_ not in world.deployable(name) for name, id_ in record.versions.items()):
            return False
        if self.holds_condemned(self.as_it_worked(record)):
            return False
        left = any(self.was_left(name, id_) for name, id_ in record.versions.items())
        return not left or record.name in world.cleared

    def newest(self) -> datetime | None:
        """When the newest release was made of which anything was put into service."""
        made = [each.at for each in self.world.records.values()]
        for name in self.world.history.names:
            for version in self.world.history.versions[name]:
                if not version.secret_only and self.served(name, version.id):
                    made.append(version.created)
        return max(made, default=None)

    def served(self, name: str, id_: str) -> bool:
        """Whether a version, as it was made, took all the traffic."""
        if any(each.sole == id_ for each in self._deployments(name)):
            return True
        return self._hidden(name, id_) and self._is_fit(name, id_)

    def was_left(self, name: str, id_: str) -> bool:
        """Whether the code of a version was last left for an older one."""
        code, left, before = self.world.code, False, ""
        for deployment in self._deployments(name):
            now = deployment.sole
            if now is None:
                continue
            if before and code[now] != code[before] and code[before] == code[id_]:
                left = self.world.made(name, now) < self.world.made(name, before)
            before = now
        return left and code[before] != code[id_]

    def as_it_worked(self, record: Record) -> Set:
        """The recorded versions, with the changes of secrets with which they served last."""
        return {name: self._last(name, id_) for name, id_ in record.versions.items()}

    def holds_condemned(self, versions: Set) -> bool:
        """Whether a version in a set is condemned, or all of a condemned release is in it."""
        condemned = [
            self.world.records[name].versions for name in self.world.condemned if name in self.world.records
        ]
        return any(each.items() <= versions.items() for each in condemned) or any(
            self.is_condemned(name, id_) for name, id_ in versions.items()
        )

    def is_condemned(self, name: str, id_: str) -> bool:
        """A condemned version stays condemned when only a secret changes."""
        world, made = self.world, self.world.made(name, id_)
        listed = world.history.versions[name] if self.sees == ALL else world.history.versions[name][-100:]
        return any(
            (name, each.id) in world.condemned_versions
            for each in listed
            if world.code[each.id] == world.code[id_] and each.created <= made
        )

    def _last(self, name: str, recorded: str) -> str:
        world = self.world
        chain = [
            each.id
            for each in world.history.versions[name]
            if world.code[each.id] == world.code[recorded] and each.created >= world.made(name, recorded)
        ]
        soles = [each.sole for each in self._deployments(name) if each.sole in chain]
        return soles[-1] or recorded if soles else chain[-1]

    def _deployments(self, name: str) -> list[Deployment]:
        """Oldest first."""
        sees = 1 if self.sees != ALL and not self.world.is_worker(name) else self.sees
        return self.world.history.deployments[name][-sees:]

    def _hidden(self, name: str, id_: str) -> bool:
        """Whether nobody can tell, because what happened to a version may be older than what is seen."""
        seen = self._deployments(name)
        if self.sees == ALL or any(share[0] == id_ for each in seen for share in each.shares):
            return False
        if not self.world.is_worker(name):
            return True
        return (
            len(self.world.history.deployments[name]) >= self.sees
            and self.world.made(name, id_) <= seen[0].created
        )

    def _is_fit(self, name: str, id_: str) -> bool:
        return all(each.unfit is None for each in self.world.history.versions[name] if each.id == id_)
