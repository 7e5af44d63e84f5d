"""What is known of a PostgreSQL schema from the migrations read so far.

Knowing what a script has itself created matters: a statement that touches only that takes nothing
from code of before. Knowing the former type of a column tells widening from narrowing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums

from .postgres_types import SERIAL, Type, type_of

__all__ = ["Column", "Schema", "Table", "column_of"]

_C = enums.ConstrType


@dataclass
class Column:
    name: str
    type: Type
    required: bool
    """NOT NULL, by itself or by being a primary key."""
    filled: bool
    """An INSERT that leaves it out gets a value: default, identity, generated."""
    constraints: tuple[Any, ...] = ()
    new: bool = True


@dataclass
class Table:
    columns: dict[str, Column] = field(default_factory=dict)
    new: bool = True


def column_of(definition: Any) -> Column:
    """The column that a ColumnDef node describes."""
    constraints = tuple(definition.constraints or ())
    kinds = {constraint.contype for constraint in constraints}
    defaults = [c.raw_expr for c in constraints if c.contype == _C.CONSTR_DEFAULT]
    names = definition.typeName.names
    return Column(
        name=definition.colname,
        type=type_of(definition.typeName),
        required=bool({_C.CONSTR_NOTNULL, _C.CONSTR_PRIMARY} & kinds),
        filled=names[-1].sval in SERIAL
        or bool({_C.CONSTR_IDENTITY, _C.CONSTR_GENERATED} & kinds)
        or any(not (isinstance(default, ast.A_Const) and default.isnull) for default in defaults),
        constraints=constraints,
    )


class Schema:
    """Tables by name, and everything that the script at hand has created, as (group, name)."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self.created: set[tuple[str, str]] = set()
        self.path = "public"

    def begin(self) -> None:
        """From here on, nothing counts as created by the script at hand."""
        self.created.clear()
        for table in self.tables.values():
            table.new = False
            for column in table.columns.values():
                column.new = False

    def key(self, names: Iterable[str]) -> str:
        """One name for one object: qualified unless it is in ``public``."""
        parts = list(names)
        if len(parts) == 1:
            parts.insert(0, self.path)
        return ".".join(parts[1:] if parts[0] == "public" else parts)

    def key_of(self, relation: Any) -> str:
        """The key of a RangeVar node."""
        return self.key(
            [relation.schemaname, relation.relname] if relation.schemaname else [relation.relname]
        )

    def is_new(self, relation: Any) -> bool:
        """Whether the script at hand has created the relation, or it is temporary."""
        return relation.relpersistence == "t" or ("relation", self.key_of(relation)) in self.created

    def table(self, relation: Any) -> Table:
        """What is known of a table; an unknown one is empty."""
        return self.tables.setdefault(self.key_of(relation), Table(new=False))

    def create(self, relation: Any, columns: Iterable[Column], *, certain: bool) -> None:
        """``certain`` is false for IF NOT EXISTS: the table may have been there before."""
        key = self.key_of(relation)
        known = {column.name: column for column in columns}
        if not certain:
            for column in known.values():
                column.new = False
            self.tables.setdefault(key, Table(known, new=False))
            return
        self.tables[key] = Table(known)
        self.created.add(("relation", key))

    def rename(self, old: str, new: str) -> None:
        if old in self.tables:
            self.tables[new] = self.tables.pop(old)
        if ("relation", old) in self.created:
            self.created.remove(("relation", old))
            self.created.add(("relation", new))

    def drop(self, key: str) -> None:
        self.tables.pop(key, None)
        self.created.discard(("relation", key))
