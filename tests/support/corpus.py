"""The corpus of migrations: what each is expected to be, and the schema that it is written for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1] / "unit" / "migrate" / "corpus"
_EXPECT = re.compile(r"-- expect: (?P<kind>\w+)(?:, lost (?P<loses>up|down))?")


@dataclass(frozen=True)
class Case:
    """``runs`` is ``yes``, ``no`` (not on any server), or ``outside a transaction``."""

    sql: str
    kind: str
    loses: str
    says: str
    runs: str


def given(dialect: str) -> str:
    return (ROOT / dialect / "given" / "schema.sql").read_text()


def old_code(dialect: str) -> str:
    return (ROOT / dialect / "given" / "old_code.sql").read_text()


def cases(dialect: str) -> list[Any]:
    found: list[Any] = []
    for path in sorted((ROOT / dialect).glob("*.sql")):
        sql = path.read_text()
        expect = _EXPECT.match(sql)
        assert expect, f"{path} does not begin with its expectation"
        says = re.search(r"^-- says: (.+)$", sql, re.MULTILINE)
        runs = re.search(r"^-- runs: (.+)$", sql, re.MULTILINE)
        case = Case(
            sql,
            expect["kind"],
            expect["loses"] or "",
            says.group(1) if says else "",
            runs.group(1) if runs else "yes",
        )
        found.append(pytest.param(case, id=path.stem))
    return found


def statements(dialect: str, split: Callable[[str], Iterable[Any]]) -> list[str]:
    """Every statement of the cases that run inside a transaction, and every such case as a whole."""
    whole = [param.values[0].sql for param in cases(dialect) if param.values[0].runs == "yes"]
    return whole + [statement.text for sql in whole for statement in split(sql) if statement.text]
