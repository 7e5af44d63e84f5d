"""A scenario: what is broken, what should be seen, what should be decided. Close to Chaos Toolkit's experiments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

__all__ = [
    "ACTIONS",
    "FAMILIES",
    "LONGEST_LEASE",
    "Action",
    "Scenario",
    "Wrong",
    "choose",
    "read_all",
    "scenario_of",
]

FAMILIES = ("application", "database", "worker", "network", "third-party")
DECISIONS = ("roll_back", "leave", "refuse")
TRIGGERS = ("health", "deploy")
# What a person may do: of the method, and of rollbacks.
ACTIONS = ("deploy", "migrate", "secret", "edge", "api", "statement", "lock", "wait")
HEALS = ("rollback", "migrate", "statement", "wait")
LONGEST_LEASE = 600.0
_SETTINGS = (
    "title", "description", "tags", "needs", "trigger", "method", "expect", "blast_radius", "abort", "targets",
    "rollbacks",
)  # fmt: skip


class Wrong(Exception):
    """A scenario that cannot be run; ``problems`` are sentences that name the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Action:
    """One step: ``kind`` is one of ``ACTIONS`` or ``HEALS``, ``given`` what it is told."""

    name: str
    kind: str
    given: Any


@dataclass(frozen=True, slots=True)
class Scenario:
    """``signal`` are the components that should be seen to fail; empty: none, and ``split``: not from everywhere.

    ``blast_radius`` are those that may fail; empty: all. ``rto`` and all other times are seconds, ``rpo`` is writes.
    ``needs`` are databases and third parties without which the scenario does not apply. ``watch`` is how long to look
    for a signal.
    """

    name: str
    title: str
    description: str
    tags: tuple[str, ...]
    method: tuple[Action, ...]
    signal: frozenset[str]
    split: bool
    decision: str
    blast_radius: frozenset[str]
    failed_requests: int
    seconds: float
    watch: float
    rto: float
    rpo: int
    rollbacks: tuple[Action, ...] = ()
    needs: tuple[str, ...] = ()
    trigger: str = "health"

    @property
    def family(self) -> str:
        return next(tag for tag in self.tags if tag in FAMILIES)

    @property
    def needs_faults(self) -> bool:
        """Whether something has to be injected that only a proxy or the local Cloudflare can."""
        return any(action.kind in ("edge", "api") for action in self.method)


def read_all(folder: Path) -> dict[str, Scenario]:
    """The scenarios of a folder by name, in the order of their families. Raises :class:`Wrong`."""
    found: dict[str, Scenario] = {}
    problems: list[str] = []
    files = sorted(folder.glob("*.yml"))
    if not files:
        raise Wrong([f"{folder}: there are no scenarios (*.yml)"])
    for file in files:
        try:
            content = yaml.safe_load(file.read_text())
        except (OSError, yaml.YAMLError) as error:
            problems.append(f"{file.name}: cannot be read: {error}")
            continue
        try:
            found[file.stem] = scenario_of(file.stem, content)
        except Wrong as error:
            problems += error.problems
    if problems:
        raise Wrong(problems)
    return dict(sorted(found.items(), key=lambda item: (FAMILIES.index(item[1].family), item[0])))


def choose(scenarios: Mapping[str, Scenario], asked: str) -> list[Scenario]:
    """Those that are asked for: ``all``, a tag, or names with commas in between. Raises :class:`Wrong`."""
    if asked == "all":
        return list(scenarios.values())
    chosen: dict[str, Scenario] = {}
    for word in filter(None, (word.strip() for word in asked.split(","))):
        fitting = {name: one for name, one in scenarios.items() if word == name or word in one.tags}
        if not fitting:
            tags = sorted({tag for one in scenarios.values() for tag in one.tags})
            known = f"neither a scenario ({', '.join(scenarios)}) nor a tag ({', '.join(tags)})"
            raise Wrong([f"-e scenarios={asked}: {word} is {known}"])
        chosen |= fitting
    if not chosen:
        raise Wrong(["-e scenarios is empty; all, short, a family, or names of scenarios"])
    return [one for name, one in scenarios.items() if name in chosen]


def scenario_of(name: str, content: Any) -> Scenario:
    """From the content of its file. Raises :class:`Wrong`."""
    problems: list[str] = []

    def wrong(text: str) -> None:
        problems.append(f"{name}.yml: {text}")

    if not isinstance(content, Mapping):
        raise Wrong([f"{name}.yml: must be a mapping with title, tags, method, expect and targets"])
    for unknown in sorted(set(map(str, content)) - set(_SETTINGS)):
        wrong(f"{unknown} is nothing that a scenario has; there are {', '.join(_SETTINGS)}")
    tags = _texts(content.get("tags"))
    if sum(tag in FAMILIES for tag in tags) != 1:
        wrong(f"tags must name exactly one family of {', '.join(FAMILIES)}")
    for setting in ("title", "description"):
        if not isinstance(content.get(setting), str) or not content.get(setting):
            wrong(f"{setting} is not set")
    told = content.get("expect")
    expect: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    decision, signal = expect.get("decision"), expect.get("signal")
    if decision not in DECISIONS:
        wrong(f"expect.decision must be one of {', '.join(DECISIONS)}")
    if signal not in ("none", "split") and not _texts(signal):
        wrong("expect.signal must be a list of components, none, or split")
    radius = content.get("blast_radius", "all")
    if radius != "all" and not _texts(radius):
        wrong("blast_radius must be a list of components, or all")
    trigger = content.get("trigger", "health")
    if trigger not in TRIGGERS:
        wrong(f"trigger must be one of {', '.join(TRIGGERS)}")
    numbers = {
        "targets.rto": _number(content, "targets", "rto", None),
        "targets.rpo": _number(content, "targets", "rpo", None),
        "abort.failed_requests": _number(content, "abort", "failed_requests", 5000),
        "abort.seconds": _number(content, "abort", "seconds", 180),
        "expect.within": _number(content, "expect", "within", 20),
    }
    for setting, number in numbers.items():
        if number is None:
            wrong(f"{setting} must be a number that is not negative")
    actions = _actions(content.get("method"), ACTIONS, "method", wrong)
    heals = _actions(content.get("rollbacks") or [], HEALS, "rollbacks", wrong)
    if not actions:
        wrong(f"method needs at least one action of {', '.join(ACTIONS)}")
    if problems:
        raise Wrong(problems)
    return Scenario(
        name=name,
        title=content["title"],
        description=" ".join(content["description"].split()),
        tags=tuple(tags),
        method=actions,
        signal=frozenset() if isinstance(signal, str) else frozenset(_texts(signal)),
        split=signal == "split",
        decision=str(decision),
        blast_radius=frozenset() if radius == "all" else frozenset(_texts(radius)),
        failed_requests=int(numbers["abort.failed_requests"] or 0),
        seconds=numbers["abort.seconds"] or 0.0,
        watch=numbers["expect.within"] or 0.0,
        rto=numbers["targets.rto"] or 0.0,
        rpo=int(numbers["targets.rpo"] or 0),
        rollbacks=heals,
        needs=tuple(_texts(content.get("needs"))),
        trigger=trigger,
    )


def _actions(declared: Any, kinds: Iterable[str], where: str, wrong: Any) -> tuple[Action, ...]:
    if not isinstance(declared, list):
        wrong(f"{where} must be a list of actions")
        return ()
    actions = []
    for number, item in enumerate(declared, 1):
        kind = [key for key in item if key in kinds] if isinstance(item, Mapping) else []
        if len(kind) != 1 or not item.get("name") or set(item) - {"name", *kind}:
            wrong(f"{where}, action {number}: must have a name and exactly one of {', '.join(kinds)}")
            continue
        problem = _problem(kind[0], item[kind[0]])
        if problem:
            wrong(f"{where}, action {number}: {kind[0]} {problem}")
        actions.append(Action(str(item["name"]), kind[0], item[kind[0]]))
    return tuple(actions)


def _problem(kind: str, given: Any) -> str:
    if kind in ("deploy", "migrate"):
        good = isinstance(given, list) and all(isinstance(each, str) for each in given)
        return "" if good else "must be a list of arguments"
    if kind == "wait":
        return "" if isinstance(given, int | float) else "must be seconds"
    if not isinstance(given, Mapping):
        return "must be a mapping"
    if kind in ("edge", "api", "lock"):
        lease = given.get("lease_seconds")
        if not isinstance(lease, int | float) or not 0 < lease <= LONGEST_LEASE:
            return f"needs lease_seconds, at most {LONGEST_LEASE:g}: no fault may outlive a drill that was killed"
    needs = {
        "secret": ("component", "name"),
        "statement": ("database", "sql"),
        "lock": ("database", "table"),
        "edge": ("kind",),
        "api": ("kind",),
    }
    missing = [name for name in needs.get(kind, ()) if not given.get(name)]
    return f"needs {', '.join(missing)}" if missing else ""


def _number(content: Mapping[str, Any], part: str, name: str, default: float | None) -> float | None:
    declared = content.get(part)
    value: Any = declared.get(name, default) if isinstance(declared, Mapping) else default
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and value >= 0 else None


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value if each] if isinstance(value, list) else []
