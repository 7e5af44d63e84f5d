"""What a flow is declared to be, and what is wrong with a declaration (docs/flows.md)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ..probe.contract import problems_of as contract_problems
from .values import OWN, Unknown, in_expression, in_pattern, in_url, names_in

__all__ = ["Flow", "Step", "problems_of"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
_VALUE = re.compile(r"[A-Za-z_]\w*")
_FLOW = ("component", "depends_on", "steps", "before", "cleanup", "database", "not_applicable")
_BEFORE = ("steps", "lasts")
_STEP = ("name", "request", "websocket", "expect", "capture")
_REQUEST = ("method", "url", "headers", "json", "form")
_WEBSOCKET = ("url", "headers", "send")
_EXPECT = {"request": ("status", "headers", "body", "text"), "websocket": ("body", "text")}
_SOURCES = ("header", "cookie", "text")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_SCHEMES = {"request": ("http", "https"), "websocket": ("ws", "wss")}


@dataclass(frozen=True, slots=True)
class Step:
    """One request, or one message over a WebSocket, and what is expected of the answer."""

    name: str
    kind: str
    ask: Mapping[str, Any]
    expect: Mapping[str, Any]
    capture: Mapping[str, Any]

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Step:
        kind = "websocket" if "websocket" in declared else "request"
        return cls(
            declared["name"],
            kind,
            declared[kind],
            declared.get("expect") or {},
            declared.get("capture") or {},
        )


@dataclass(frozen=True, slots=True)
class Flow:
    """``before`` is done before a rollback, and ``steps`` use after it what came of that for ``lasts`` seconds."""

    name: str
    component: str
    steps: tuple[Step, ...]
    before: tuple[Step, ...]
    lasts: float
    cleanup: tuple[Mapping[str, Any], ...]
    database: str
    not_applicable: str

    @classmethod
    def of(cls, name: str, declared: Mapping[str, Any]) -> Flow:
        """From a declaration in which :func:`problems_of` finds nothing."""
        before = declared.get("before") or {}
        return cls(
            name,
            declared["component"],
            tuple(map(Step.of, declared.get("steps") or ())),
            tuple(map(Step.of, before.get("steps") or ())),
            float(before.get("lasts", 0)),
            tuple(declared.get("cleanup") or ()),
            declared.get("database", ""),
            str(declared.get("not_applicable", "")),
        )


def problems_of(
    name: Any,
    declared: Any,
    *,
    values: Mapping[str, Any],
    secrets: Iterable[str],
    components: Iterable[str],
    databases: Iterable[str],
) -> list[str]:
    """What is wrong with a declared flow, one sentence each, with the place in it; empty when nothing is."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return [f"{name}: the name of a flow is made of lower-case letters, digits, - and _"]
    if not isinstance(declared, Mapping):
        return [f"{name} must be a mapping with component and steps, or with component and not_applicable"]
    problems = _unknown("", declared, _FLOW)
    # Lists, because what is declared may be anything, and not everything can be looked for in a set.
    known_components, known_databases = sorted(components), list(databases)
    if declared.get("component") not in known_components:
        given = declared.get("component")
        problems.append(
            f"component is not set: which one of {', '.join(known_components)} does it prove?"
            if given is None
            else f"component names {given}, which is no component"
        )
    depends_on = declared.get("depends_on") or []
    if not isinstance(depends_on, list):
        problems.append("depends_on must be a list of components")
    else:
        problems += [
            f"depends_on names {other}, which is no component"
            for other in depends_on
            if other not in known_components
        ]
    if "not_applicable" in declared:
        if not declared["not_applicable"]:
            problems.append("not_applicable needs the reason as its value")
        if set(declared) - {"component", "not_applicable"}:
            problems.append("not_applicable stands alone: there is nothing to try")
        return [f"{name}: {text}" for text in problems]
    if declared.get("database") is not None and declared["database"] not in known_databases:
        problems.append(f"database names {declared['database']}, which is no database")
    reader = _Reader({*OWN, *values, *secrets}, values)
    if "before" in declared:
        problems += _before_problems(reader, declared["before"])
    problems += reader.steps("steps", declared.get("steps"))
    if "cleanup" in declared:
        problems += reader.steps("cleanup", declared["cleanup"])
    elif reader.writes:
        problems.append(
            f"cleanup is not set, but {reader.writes[0]} changes something; [] says that nothing is left"
        )
    return [f"{name}: {text}" for text in problems]


def _before_problems(reader: _Reader, before: Any) -> list[str]:
    if not isinstance(before, Mapping):
        return ["before must be a mapping with steps and lasts"]
    problems = _unknown("before.", before, _BEFORE)
    problems += reader.steps("before.steps", before.get("steps"))
    lasts = before.get("lasts")
    if not isinstance(lasts, int | float) or isinstance(lasts, bool) or lasts <= 0:
        problems.append("before.lasts must be seconds: for how long what it makes can be used")
    return problems


class _Reader:
    """Goes through steps in their order, and knows which values there are by then."""

    def __init__(self, known: Iterable[str], values: Mapping[str, Any]) -> None:
        self.writes: list[str] = []
        self._known = set(known)
        self._fixed = set(known)
        self._values = values

    def steps(self, where: str, declared: Any) -> list[str]:
        if not isinstance(declared, list) or (not declared and where != "cleanup"):
            return [f"{where} must be a list of steps"]
        problems, names = [], set()
        for number, step in enumerate(declared):
            place = f"{where}[{number}]"
            if not isinstance(step, Mapping):
                problems.append(f"{place} must be a mapping with name, and request or websocket")
                continue
            name = step.get("name")
            if not isinstance(name, str) or not name or name in names:
                problems.append(f"{place} needs a name of its own")
            names.add(str(name))
            problems += [f"{place} ({name}): {text}" for text in self._step(step)]
            if where != "cleanup" and self._is_write(step):
                self.writes.append(str(name))
        return problems

    def _step(self, step: Mapping[str, Any]) -> list[str]:
        problems = _unknown("", step, _STEP)
        kinds = [kind for kind in _EXPECT if kind in step]
        if len(kinds) != 1:
            return [*problems, "must have one of request and websocket"]
        kind = kinds[0]
        ask, expect, capture = step[kind], step.get("expect") or {}, step.get("capture") or {}
        for what, given in ((kind, ask), ("expect", expect), ("capture", capture)):
            if not isinstance(given, Mapping):
                return [*problems, f"{what} must be a mapping"]
        missing = sorted((names_in(ask) | names_in(expect)) - self._known)
        problems += [f"$({name}) is no value that is known here" for name in missing]
        problems += self._ask(kind, ask)
        problems += self._expect(kind, expect)
        problems += self._captures(capture)
        return problems

    def _ask(self, kind: str, ask: Mapping[str, Any]) -> list[str]:
        problems = _unknown(f"{kind}.", ask, _REQUEST if kind == "request" else _WEBSOCKET)
        url = ask.get("url")
        if not isinstance(url, str) or not self._is_address(url, _SCHEMES[kind]):
            example = "https://example.com/login" if kind == "request" else "wss://example.com/room"
            problems.append(f"{kind}.url must be a whole address, for example {example} or $(api)/login")
        if not _is_texts(ask.get("headers") or {}):
            problems.append(f"{kind}.headers must be names with values")
        if kind == "request":
            if ask.get("method", "GET") not in METHODS:
                problems.append(f"request.method must be one of {', '.join(METHODS)}")
            if "json" in ask and "form" in ask:
                problems.append("request.json and request.form exclude each other")
            if not _is_texts(ask.get("form") or {}):
                problems.append("request.form must be names with values")
        return problems

    def _is_address(self, url: str, schemes: tuple[str, ...]) -> bool:
        names = names_in(url)
        stand_in = {name: self._values.get(name, "x") for name in names}
        try:
            parts = urlsplit(in_url(url, stand_in))
            return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except (ValueError, Unknown):
            return False

    def _expect(self, kind: str, expect: Mapping[str, Any]) -> list[str]:
        problems = _unknown("expect.", expect, _EXPECT[kind])
        stand_in = dict.fromkeys(names_in(expect), "x")
        contract: dict[str, Any] = {
            "url": "https://stand.in/",
            "version": {"unknown": "a flow"},
            "fresh": {"unknown": "a flow"},
            "text": ".",
        }
        for name in ("status", "body", "text", "headers"):
            if expect.get(name) is not None:
                contract[name] = expect[name]
        body = contract.get("body")
        if isinstance(body, str):
            if re.search(r"['\"`]\$\(", body):
                problems.append("expect.body: a value stands without quotes, as in email == $(user)")
            contract["body"] = in_expression(body, stand_in)
        if isinstance(contract["text"], str):
            contract["text"] = in_pattern(contract["text"], stand_in)
        if isinstance(contract.get("headers"), Mapping):
            contract["headers"] = {
                key: in_pattern(pattern, stand_in) if isinstance(pattern, str) else pattern
                for key, pattern in contract["headers"].items()
            }
        return problems + [f"expect.{text}" for text in contract_problems(contract)]

    def _captures(self, capture: Mapping[str, Any]) -> list[str]:
        problems = []
        for name, source in capture.items():
            if not isinstance(name, str) or not _VALUE.fullmatch(name):
                problems.append(f"capture.{name}: a name is made of letters, digits and _")
                continue
            if name in self._fixed:
                problems.append(f"capture.{name}: there is a value of that name already")
            self._known.add(name)
            problems += _source_problems(f"capture.{name}", source)
        return problems

    @staticmethod
    def _is_write(step: Mapping[str, Any]) -> bool:
        request = step.get("request")
        return isinstance(request, Mapping) and request.get("method", "GET") not in ("GET", "OPTIONS")


def _source_problems(name: str, source: Any) -> list[str]:
    how = f"{name} must be a JMESPath expression, or one of {', '.join(_SOURCES)} with its value"
    if isinstance(source, str) and source:
        version: dict[str, Any] = {"json": source, "is": "tag"}
    elif isinstance(source, Mapping) and len(source) == 1 and set(source) <= set(_SOURCES):
        kind, value = next(iter(source.items()))
        version = {"header" if kind == "cookie" else kind: value, "is": "tag"}
    else:
        return [how]
    # The contract of a component says in the same ways where its version is.
    contract = {"url": "https://stand.in/", "text": ".", "version": version, "fresh": {"unknown": "a flow"}}
    return [
        text.replace("version.json", name).replace("version", name) for text in contract_problems(contract)
    ]


def _unknown(prefix: str, declared: Mapping[Any, Any], known: tuple[str, ...]) -> list[str]:
    return [
        f"{prefix}{name} is no setting; there are {', '.join(known)}"
        for name in declared
        if name not in known
    ]


def _is_texts(declared: Any) -> bool:
    return isinstance(declared, Mapping) and all(
        isinstance(key, str) and isinstance(value, str | int | float) for key, value in declared.items()
    )
