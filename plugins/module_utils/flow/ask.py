"""One step of a flow: what is sent, what is expected of the answer, and what is taken from it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from math import inf
from typing import Any
from urllib.parse import urlencode

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.visitor import TreeInterpreter

from ..probe.connect import Connector, NoAnswer
from ..probe.contract import Answer, Contract, judge
from .declared import Step
from .values import filled, in_expression, in_pattern, in_url

__all__ = ["Taken", "Way", "take"]

# A message has no status; it is judged as an answer that has this one.
_MESSAGE = 200
_SUCCESS = tuple(range(200, 300))
# Characters of an answer that are repeated at most.
_REPEATED = 40
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Way:
    """How to get there: ``connect_to`` and ``ca_file`` as in the health checks, ``timeout`` in seconds."""

    connect_to: str = ""
    ca_file: str = ""
    timeout: float = 10


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a step. ``problems`` use the words of the declaration, never the values behind them."""

    problems: tuple[str, ...]
    captured: Mapping[str, Any]
    seconds: float


def take(step: Step, known: Mapping[str, Any], way: Way, accepted: tuple[int, ...] = _SUCCESS) -> Taken:
    """Do it. ``accepted`` are the statuses of an answer whose status is not declared.

    Raises :class:`~.values.Unknown` before anything is sent, when a value is missing.
    """
    began = time.monotonic()
    try:
        if step.kind == "websocket":
            # Not every rollback has a WebSocket to try, and the library behind it takes its time to load.
            from .websocket import exchange

            url, headers = in_url(step.ask["url"], known), _texts(step.ask, "headers", known)
            judged = _Judged(step, known, (_MESSAGE,))
            exchange(url, headers, filled(step.ask.get("send"), known), way, judged.message)
        else:
            judged = _Judged(step, known, accepted)
            judged.answer(_asked(step, known, way))
    except (NoAnswer, ValueError) as error:
        # What an answer gave can make an address that is none.
        why = str(error) if isinstance(error, NoAnswer) else f"it cannot be sent: {error}"
        return Taken((why,), {}, time.monotonic() - began)
    return Taken(tuple(judged.problems), judged.captured, time.monotonic() - began)


def _asked(step: Step, known: Mapping[str, Any], way: Way) -> Answer:
    ask = step.ask
    headers, body = _texts(ask, "headers", known), None
    if "json" in ask:
        headers = {"Content-Type": "application/json", **headers}
        body = json.dumps(filled(ask["json"], known)).encode()
    elif "form" in ask:
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        body = urlencode(_texts(ask, "form", known)).encode()
    connector = Connector(connect_to=way.connect_to, ca_file=way.ca_file, timeout=way.timeout)
    return connector.ask(ask.get("method", "GET"), in_url(ask["url"], known), headers, body)


def _texts(ask: Mapping[str, Any], part: str, known: Mapping[str, Any]) -> dict[str, str]:
    found = {key: str(value) for key, value in filled(ask.get(part) or {}, known).items()}
    if part == "headers" and any(sign in text for item in found.items() for text in item for sign in "\r\n"):
        # What an answer gave must not become a header of its own.
        raise NoAnswer("a header has more than one line, so nothing was sent")
    return found


class _Judged:
    """Holds answers against what a step expects, until one fulfils it."""

    def __init__(self, step: Step, known: Mapping[str, Any], accepted: tuple[int, ...]) -> None:
        self.problems: list[str] = ["no message came"]
        self.captured: dict[str, Any] = {}
        self._step = step
        expect = step.expect
        status = expect.get("status", list(accepted))
        self._body = in_expression(expect["body"], known) if expect.get("body") else None
        text = in_pattern(expect["text"], known) if expect.get("text") else None
        headers = expect.get("headers") or {}
        self._contract = Contract(
            url="",
            status=tuple(status) if isinstance(status, list) else (status,),
            body=self._body,
            text=text,
            headers={name: in_pattern(pattern, known) for name, pattern in headers.items()},
            version={"unknown": "a flow"},
            fresh={"unknown": "a flow"},
            depends_on=(),
        )
        # A person reads the declaration's words, in which no value is.
        self._said = {
            found: declared
            for found, declared in [
                (self._body, expect.get("body")),
                (text, expect.get("text")),
                *zip(self._contract.headers.values(), headers.values(), strict=True),
            ]
            if found
        }

    def message(self, text: str) -> bool:
        """Take in a message of a WebSocket; whether it is the one that was waited for."""
        self.answer(Answer(_MESSAGE, {}, text.encode(), 0))
        return not self.problems

    def answer(self, answer: Answer) -> None:
        self.problems, self.captured = [], {}
        for text in judge(self._contract, answer, identity=None, max_skew=inf, slow=inf, tls_margin=-inf):
            for found, declared in self._said.items():
                text = text.replace(found, str(declared))
            if text.startswith("status "):
                # What else is wrong with it follows from that.
                self.problems = [f"status {answer.status} instead of {self._wanted_status()}"]
                break
            if self._body and text.startswith("the body does not fulfil"):
                text = f"the body does not fulfil {self._step.expect['body']}{_came(self._body, answer)}"
            self.problems.append(text)
        for name, source in self._step.capture.items():
            value = _found(source, answer)
            if value is None and not self.problems:
                self.problems.append(f"nothing in the answer is {name} ({_source_in_words(source)})")
            self.captured[name] = value

    def _wanted_status(self) -> str:
        status = self._step.expect.get("status")
        if status is None:
            return "success"
        return " or ".join(map(str, status if isinstance(status, list) else [status]))


def _found(source: Any, answer: Answer) -> Any:
    """The value that a declared source names in an answer, or ``None``."""
    if isinstance(source, str):
        try:
            return jmespath.search(source, json.loads(answer.body))
        except (ValueError, JMESPathError):
            return None
    kind, name = next(iter(source.items()))
    if kind == "header":
        return answer.headers.get(name)
    if kind == "cookie":
        return _cookie(answer.headers.get("set-cookie") or "", name)
    found = re.search(name, answer.body.decode("utf-8", "replace"))
    return found[1] if found else None


def _cookie(headers: str, name: str) -> str | None:
    # Several headers of one name arrive as one, and a date in one of them has a comma too.
    for one in re.split(r",\s*(?=[^;,\s]+=)", headers):
        try:
            cookie: SimpleCookie = SimpleCookie(one)
        except CookieError:
            continue
        if name in cookie:
            return cookie[name].value
    return None


def _source_in_words(source: Any) -> str:
    return source if isinstance(source, str) else " ".join(map(str, next(iter(source.items()))))


def _came(expression: str, answer: Answer) -> str:
    """What stood where a comparison expected something else, shortly: ``: amount is 300``."""
    try:
        document = json.loads(answer.body)
        parsed = jmespath.compile(expression).parsed
    except (ValueError, JMESPathError):
        return ""
    said = []
    for left in _compared(parsed):
        name = _path(left)
        try:
            value = TreeInterpreter().visit(left, document) if name else _MISSING
        except JMESPathError:
            value = _MISSING
        if value is None or isinstance(value, str | int | float):
            said.append(f"{name} is {json.dumps(value)[:_REPEATED]}")
    return f": {', '.join(said)}" if said else ""


def _compared(node: Any) -> list[Any]:
    if node.get("type") == "comparator":
        return [node["children"][0]]
    if node.get("type") in ("and_expression", "or_expression"):
        return [left for child in node["children"] for left in _compared(child)]
    return []


def _path(node: Any) -> str:
    """``a.b`` for a node that names it, else empty."""
    if node.get("type") == "field":
        return str(node["value"])
    if node.get("type") == "subexpression":
        parts = [_path(child) for child in node["children"]]
        return ".".join(parts) if all(parts) else ""
    return ""
