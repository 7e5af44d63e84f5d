"""What the entries of a ledger mean, taken together."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from .entry import Entry
from .errors import Damaged

__all__ = ["Condemnation", "Evidence", "Frozen", "Goal", "Maintenance", "Recorded", "View", "set_fingerprint"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A validation and its verdict, ``pass`` or ``fail``; ``headers``: the security headers by component."""

    verdict: str
    tier: str
    run: str
    by: str
    time: datetime
    headers: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Condemnation:
    """Why a release or a version is never to be a target again."""

    reason: str
    incident: str | None
    by: str
    time: datetime
    run: str | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A release as it was recorded.

    ``versions`` maps component to version id, ``databases`` name to ``{level, bookmark}``. ``evidence`` is
    the newest one. ``served`` ends with the next release or with the condemnation; ``None``: still the newest.
    """

    name: str
    versions: dict[str, str]
    databases: dict[str, dict[str, Any]]
    config: str | None
    recorded: datetime
    imported: bool
    evidence: Evidence | None = None
    served: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """What a run wanted to be true; ``end`` is the body of its end, ``None`` while it has none."""

    run: str
    time: datetime
    by: str
    body: Mapping[str, Any]
    end: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Frozen:
    """``pages`` is what must be put back when the freeze ends."""

    reason: str
    by: str
    time: datetime
    run: str | None
    pages: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The maintenance page is shown.

    ``routes`` is what must be put back when it ends; ``names`` are names that lead to it by DNS, with the records.
    """

    worker: str
    routes: tuple[Mapping[str, Any], ...]
    by: str
    time: datetime
    run: str
    names: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)


def set_fingerprint(versions: Mapping[str, str]) -> str:
    """What evidence names its set by, so that it never counts for other versions of the same name."""
    return hashlib.sha256(
        "\n".join(f"{name}={versions[name]}" for name in sorted(versions)).encode()
    ).hexdigest()


class View:
    """Reads entries in their order; kinds that it does not know are left out.

    ``releases`` are newest first. Raises :class:`Damaged` for an entry whose body is not what its kind asks for.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.frozen: Frozen | None = None
        self.maintenance: Maintenance | None = None
        self.goals: dict[str, Goal] = {}
        self._releases: dict[str, Recorded] = {}
        self._configs: dict[str, Mapping[str, Any]] = {}
        self._condemned: dict[str, Condemnation] = {}
        self._condemned_versions: dict[tuple[str, str], Condemnation] = {}
        self._named: dict[str, set[tuple[str, str]]] = {}
        self._cleared: set[str] = set()
        self._serving: str | None = None
        self._ended: dict[str, datetime] = {}
        for entry in entries:
            read = _READERS.get(entry.kind)
            if read is None:
                continue
            try:
                read(self, entry, entry.body)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise Damaged(
                    f"entry {entry.seq} of the ledger ({entry.kind}, by {entry.by}) is not what a {entry.kind} "
                    f"must be: {type(error).__name__} {error}"
                ) from None
        self.releases = tuple(self._with_time(found) for found in reversed(self._releases.values()))
        self._by_name = {found.name: found for found in self.releases}
        self._condemned_sets = [
            (found.versions.items(), self._condemned[found.name])
            for found in self.releases
            if found.name in self._condemned
        ]

    def release(self, name: str) -> Recorded | None:
        """The release of a name, as it was last recorded."""
        return self._by_name.get(name)

    def condemned_release(self, name: str) -> Condemnation | None:
        return self._condemned.get(name)

    def was_cleared(self, name: str) -> bool:
        """Whether the newest word on the release of a name is a clearance."""
        return name in self._cleared

    def condemned_version(self, component: str, version_id: str) -> Condemnation | None:
        return self._condemned_versions.get((component, version_id))

    def condemned_set(self, versions: Mapping[str, str]) -> Condemnation | None:
        """Whether a condemned release is in these versions with all that it had, whatever they are called now."""
        given = versions.items()
        return next((why for condemned, why in self._condemned_sets if condemned <= given), None)

    def config(self, fingerprint: str) -> Mapping[str, Any] | None:
        """The settings per component that a release names by their fingerprint."""
        return self._configs.get(fingerprint)

    def headers(self, name: str, versions: Mapping[str, str]) -> dict[str, list[str]]:
        """The security headers by component that a release had when it was found to be good, with these versions.

        Empty when nobody wrote that down.
        """
        found = self._by_name.get(name)
        if found is None or found.evidence is None or not versions.items() <= found.versions.items():
            return {}
        return dict(found.evidence.headers) if found.evidence.verdict == "pass" else {}

    @property
    def unfinished(self) -> Goal | None:
        """The newest goal of a run that did not come to an end."""
        return next((goal for goal in reversed(self.goals.values()) if goal.end is None), None)

    def _with_time(self, found: Recorded) -> Recorded:
        ended = self._ended.get(found.name)
        # Two writers' clocks need not agree.
        served = None if ended is None else max(ended - found.recorded, timedelta(0))
        return dataclasses.replace(found, served=served)

    # --- one reader for each kind

    def _release(self, entry: Entry, body: Mapping[str, Any]) -> None:
        name, versions = _text(body["release"]), _pairs(body["versions"])
        databases = {database: dict(told) for database, told in (body.get("databases") or {}).items()}
        config, imported = body.get("config"), bool(body.get("imported"))
        if self._serving not in (None, name):
            self._ended.setdefault(self._serving, entry.time)
        self._serving = name
        known = self._releases.get(name)
        if known is not None and known.versions == versions:
            # The same release: only what the first recording did not know is new.
            self._releases[name] = dataclasses.replace(
                known,
                databases=databases or known.databases,
                config=config or known.config,
                imported=known.imported and imported,
            )
            return
        if known is not None:
            # Another set under the name: what was said of the earlier one is not said of it.
            self._condemned.pop(name, None)
            self._ended.pop(name, None)
            # It stands behind all that were recorded before.
            del self._releases[name]
        self._releases[name] = Recorded(name, versions, databases, config, entry.time, imported)

    def _config(self, entry: Entry, body: Mapping[str, Any]) -> None:
        self._configs[_text(body["fingerprint"])] = body["settings"]

    def _evidence(self, entry: Entry, body: Mapping[str, Any]) -> None:
        name, verdict, told = _text(body["release"]), body["verdict"], body.get("set")
        if verdict not in ("pass", "fail"):
            raise ValueError(f"verdict {verdict!r}")
        headers = {name: list(found) for name, found in (body.get("headers") or {}).items()}
        evidence = Evidence(verdict, _text(body["tier"]), _text(body["run"]), entry.by, entry.time, headers)
        known = self._releases.get(name)
        if known is not None and told in (None, set_fingerprint(known.versions)):
            self._releases[name] = dataclasses.replace(known, evidence=evidence)

    def _condemn(self, entry: Entry, body: Mapping[str, Any]) -> None:
        name, versions = body.get("release"), _pairs(body.get("versions") or {})
        condemnation = Condemnation(
            _text(body["reason"]), body.get("incident"), entry.by, entry.time, body.get("run")
        )
        for pair in versions.items():
            self._condemned_versions[pair] = condemnation
        if name is not None:
            self._condemned[_text(name)] = condemnation
            self._named.setdefault(name, set()).update(versions.items())
            self._cleared.discard(name)
            self._ended.setdefault(name, entry.time)

    def _clear(self, entry: Entry, body: Mapping[str, Any]) -> None:
        name, ended = body.get("release"), set(_pairs(body.get("versions") or {}).items())
        if name is not None:
            self._condemned.pop(_text(name), None)
            self._cleared.add(name)
            ended |= self._named.pop(name, set())
        for pair in ended:
            self._condemned_versions.pop(pair, None)

    def _goal(self, entry: Entry, body: Mapping[str, Any]) -> None:
        run = _text(body["run"])
        self.goals.pop(run, None)
        self.goals[run] = Goal(run, entry.time, entry.by, body)

    def _end(self, entry: Entry, body: Mapping[str, Any]) -> None:
        run = _text(body["run"])
        if run in self.goals:
            self.goals[run] = dataclasses.replace(self.goals[run], end=body)

    def _freeze(self, entry: Entry, body: Mapping[str, Any]) -> None:
        pages = dict(body.get("pages") or {})
        if self.frozen is not None:
            # What a second freeze finds is what the first one made: the state before the first is to be put back.
            pages |= self.frozen.pages
        self.frozen = Frozen(_text(body["reason"]), entry.by, entry.time, body.get("run"), pages)

    def _unfreeze(self, entry: Entry, body: Mapping[str, Any]) -> None:
        self.frozen = None

    def _maintain(self, entry: Entry, body: Mapping[str, Any]) -> None:
        if not body["on"]:
            self.maintenance = None
            return
        routes: tuple[Mapping[str, Any], ...] = tuple(
            {**route, "zone": _text(route["zone"]), "pattern": _text(route["pattern"])}
            for route in body["routes"]
        )
        names: dict[str, tuple[Mapping[str, Any], ...]] = {
            _text(name): tuple({**record, "content": _text(record["content"])} for record in records)
            for name, records in (body.get("names") or {}).items()
        }
        if self.maintenance is not None:
            names = {**self.maintenance.names, **names}
            # What a second one finds may be what the first one made: what was before the first is to be put back.
            kept = {(route["zone"], route["pattern"]) for route in self.maintenance.routes}
            new = (route for route in routes if (route["zone"], route["pattern"]) not in kept)
            routes = (*self.maintenance.routes, *new)
        self.maintenance = Maintenance(
            _text(body["worker"]), routes, entry.by, entry.time, _text(body["run"]), names
        )


_READERS = {
    "release": View._release,
    "config": View._config,
    "evidence": View._evidence,
    "condemned": View._condemn,
    "cleared": View._clear,
    "goal": View._goal,
    "end": View._end,
    "frozen": View._freeze,
    "unfrozen": View._unfreeze,
    "maintenance": View._maintain,
}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value


def _pairs(value: Any) -> dict[str, str]:
    """A mapping of texts to texts, as it is: a copy of each would double the memory of a large ledger."""
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        raise TypeError(f"{type(value).__name__} should be versions by component")
    return value
