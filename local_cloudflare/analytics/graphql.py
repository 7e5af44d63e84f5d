"""The part of the GraphQL language that queries of analytics use: one query, variables, nested fields, no fragments.

https://spec.graphql.org/October2021/#sec-Language
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(
    r'(?P<skip>[\s,\ufeff]+|#[^\n\r]*)|(?P<name>[_A-Za-z]\w*)|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<mark>[{}()\[\]:!$=|&@]|\.\.\.)"
)
_CONSTANTS = {"true": True, "false": False, "null": None}


class GraphqlError(Exception):
    """The query cannot be answered: the message is Cloudflare's, `status` that of the answer, `path` the node."""

    def __init__(self, message: str, status: int = 400, path: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.path = path


@dataclass
class Field:
    """One selected field; `name` is what it is called in the schema, `key` in the answer."""

    name: str
    key: str
    arguments: dict[str, Any] = field(default_factory=dict)
    selections: list["Field"] = field(default_factory=list)


def parse(text: str, variables: Mapping[str, Any]) -> list[Field]:
    """The fields that the query selects, with the variables put in. Raises GraphqlError."""
    return _Parser(_tokens(text), variables).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise GraphqlError("query contains error, please review it and retry")
        if match.lastgroup != "skip":
            found.append((str(match.lastgroup), match[0]))
        place = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], variables: Mapping[str, Any]) -> None:
        self._tokens = tokens
        self._place = 0
        self._variables = dict(variables)

    def query(self) -> list[Field]:
        if self._is("name", "query"):
            self._take()
            if self._is("name"):
                self._take()
            if self._is("mark", "("):
                self._definitions()
        selections = self._selections()
        if self._place != len(self._tokens):
            raise GraphqlError("query contains error, please review it and retry")
        return selections

    def _definitions(self) -> None:
        """Types are not checked; a default is what counts when the variable is not given."""
        self._mark("(")
        while not self._is("mark", ")"):
            self._mark("$")
            name = self._name()
            self._mark(":")
            self._type()
            if self._is("mark", "="):
                self._take()
                self._variables.setdefault(name, self._value())
            self._variables.setdefault(name, None)
        self._mark(")")

    def _type(self) -> None:
        if self._is("mark", "["):
            self._take()
            self._type()
            self._mark("]")
        else:
            self._name()
        if self._is("mark", "!"):
            self._take()

    def _selections(self) -> list[Field]:
        self._mark("{")
        found = []
        while not self._is("mark", "}"):
            found.append(self._field())
        self._mark("}")
        return found

    def _field(self) -> Field:
        key = name = self._name()
        if self._is("mark", ":"):
            self._take()
            name = self._name()
        arguments = self._object("(", ")") if self._is("mark", "(") else {}
        selections = self._selections() if self._is("mark", "{") else []
        return Field(name, key, arguments, selections)

    def _object(self, opens: str, closes: str) -> dict[str, Any]:
        self._mark(opens)
        found = {}
        while not self._is("mark", closes):
            name = self._name()
            self._mark(":")
            found[name] = self._value()
        self._mark(closes)
        return found

    def _value(self) -> Any:
        if self._is("mark", "$"):
            self._take()
            name = self._name()
            if name not in self._variables:
                raise GraphqlError(f"error parsing args: unknown variable ${name}")
            return self._variables[name]
        if self._is("mark", "{"):
            return self._object("{", "}")
        if self._is("mark", "["):
            self._take()
            items = []
            while not self._is("mark", "]"):
                items.append(self._value())
            self._take()
            return items
        kind, text = self._take()
        if kind in ("string", "number"):
            return json.loads(text)
        if kind == "name":
            return _CONSTANTS.get(text, text)
        raise GraphqlError("query contains error, please review it and retry")

    def _is(self, kind: str, text: str = "") -> bool:
        if self._place >= len(self._tokens):
            return False
        found = self._tokens[self._place]
        return found[0] == kind and text in ("", found[1])

    def _take(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise GraphqlError("query contains error, please review it and retry")
        self._place += 1
        return self._tokens[self._place - 1]

    def _mark(self, text: str) -> None:
        if self._take() != ("mark", text):
            raise GraphqlError("query contains error, please review it and retry")

    def _name(self) -> str:
        kind, text = self._take()
        if kind != "name":
            raise GraphqlError("query contains error, please review it and retry")
        return text
