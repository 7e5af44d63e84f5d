"""What changing a column's type does to its values (PostgreSQL: ALTER COLUMN ... TYPE)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pglast import ast

from .verdict import Verdict, additive, lost_down, lost_up, reversible

__all__ = ["SERIAL", "Type", "change", "type_of"]

SERIAL = frozenset(("serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"))
_SERIAL_TYPE = {"serial": "int4", "bigserial": "int8", "smallserial": "int2"}
_TEXT = ("text", "varchar", "bpchar")
_INTEGER = ("int2", "int4", "int8")
_FLOAT = ("float4", "float8")
_TIME = ("date", "timestamp", "timestamptz", "time", "timetz")


@dataclass(frozen=True)
class Type:
    """A type by PostgreSQL's own name (``int4``, not ``integer``), with its numbers in brackets."""

    name: str
    numbers: tuple[int, ...] = ()
    array: bool = False

    def __str__(self) -> str:
        numbers = f"({', '.join(map(str, self.numbers))})" if self.numbers else ""
        return f"{'char' if self.name == 'bpchar' else self.name}{numbers}{'[]' if self.array else ''}"


def type_of(node: Any) -> Type:
    """The type that a TypeName node names, with its schema unless that is pg_catalog or public."""
    names = [part.sval for part in node.names]
    if len(names) > 1 and names[0] in ("pg_catalog", "public"):
        names = names[1:]
    name = ".".join(names)
    numbers = []
    for number in node.typmods or ():
        value = getattr(number, "val", None)
        if isinstance(value, ast.Integer):
            numbers.append(int(value.ival or 0))
    if name == "bpchar" and not numbers:
        numbers = [1]
    return Type(_SERIAL_TYPE.get(name, name), tuple(numbers), bool(node.arrayBounds))


def _casts(using: Any, column: str) -> list[Type] | None:
    """The types that a USING casts the bare column to, innermost first; ``None`` for any other expression."""
    types: list[Type] = []
    while isinstance(using, ast.TypeCast):
        types.insert(0, type_of(using.typeName))
        using = using.arg
    if isinstance(using, ast.ColumnRef) and len(using.fields) == 1:
        field = using.fields[0]
        if isinstance(field, ast.String) and field.sval == column:
            return types
    return None


def change(column: str, old: Type | None, new: Type, using: Any) -> Verdict:
    """``old`` is ``None`` when no earlier migration tells it."""
    casts: list[Type] | None = []
    if using is not None:
        casts = _casts(using, column)
        if casts is None:
            return lost_up(
                f"USING computes the values of {column} anew; the former ones cannot be got from them"
            )
    assert casts is not None
    if old is None:
        if new.name == "text" and not new.array:
            return reversible(f"{column} becomes text: every value is kept as text")
        return lost_up(
            f"no earlier migration tells the former type of {column}, so {new} may have cut its values"
        )
    if old == new:
        return additive(f"{column} has that type already")
    if any(step.numbers and step.name in _TEXT for step in casts):
        return lost_up(f"the cast to {new} cuts off what is longer in {column}")
    if old.array or new.array:
        return _unfamiliar(column, old, new)
    for rule in (_text, _whole, _decimal, _approximate, _moment):
        verdict = rule(column, old, new)
        if verdict is not None:
            return verdict
    if new.name in ("text", "varchar") and not new.numbers:
        return reversible(f"{column} becomes text: every value is kept as text")
    if (old.name, new.name) == ("json", "jsonb"):
        return lost_up(f"jsonb keeps neither the order nor the repeats of keys in {column}")
    if (old.name, new.name) == ("jsonb", "json"):
        return reversible(f"{column} holds the same values as json")
    if "citext" in (old.name, new.name) and {old.name, new.name} <= {"citext", *_TEXT}:
        return reversible(f"{column} keeps its values and compares them differently")
    if any(step.name == "text" for step in casts[:-1]):
        return reversible(
            f"{column} goes from {old} to {new} by its text: values keep it, unknown ones are refused"
        )
    return _unfamiliar(column, old, new)


def _unfamiliar(column: str, old: Type, new: Type) -> Verdict:
    return lost_up(f"from {old} to {new} is not known to keep every value of {column}")


def _text(column: str, old: Type, new: Type) -> Verdict | None:
    if old.name not in _TEXT or new.name not in _TEXT:
        return None
    if "bpchar" in (old.name, new.name):
        return reversible(
            f"from {old} to {new} changes only the spaces at the end of {column}; longer ones are refused"
        )
    if not new.numbers or (old.numbers and new.numbers >= old.numbers):
        return additive(f"{column} takes longer text than before")
    return reversible(f"{column} takes less text than before; longer text is refused, not cut")


def _whole(column: str, old: Type, new: Type) -> Verdict | None:
    if old.name not in _INTEGER:
        return None
    if new.name in _INTEGER:
        if _INTEGER.index(new.name) > _INTEGER.index(old.name):
            return reversible(
                f"{column} takes larger numbers: some clients return {new} as another type; one too large"
                " for the way back is refused, not cut"
            )
        return reversible(f"{column} takes smaller numbers only; larger ones are refused, not cut")
    if new.name == "numeric":
        if new.numbers and (len(new.numbers) == 1 or new.numbers[1] == 0):
            return reversible(f"{column} stays whole as {new}; numbers too large are refused")
        return lost_down(f"decimals written to {column} since are rounded off")
    if new.name == "float8" and old.name != "int8":
        return lost_down(f"decimals written to {column} since are rounded off")
    return None


def _decimal(column: str, old: Type, new: Type) -> Verdict | None:
    if old.name != "numeric":
        return None
    scale = old.numbers[1] if len(old.numbers) > 1 else 0
    if new.name in _INTEGER:
        if old.numbers and scale == 0:
            return reversible(f"{column} had no decimals; numbers too large are refused")
        return lost_up(f"the decimals of {column} are rounded off")
    if new.name != "numeric":
        return None
    if not new.numbers:
        return lost_down(f"decimals written to {column} since are rounded off") if old.numbers else None
    new_scale = new.numbers[1] if len(new.numbers) > 1 else 0
    if not old.numbers or new_scale < scale:
        return lost_up(f"the decimals of {column} are rounded to {new_scale}")
    if new_scale > scale:
        return lost_down(f"the decimals that {column} takes now are rounded to {scale}")
    if new.numbers[0] >= old.numbers[0]:
        return additive(f"{column} takes larger numbers than before")
    return reversible(f"{column} takes smaller numbers only; larger ones are refused, not cut")


def _approximate(column: str, old: Type, new: Type) -> Verdict | None:
    if old.name == "float4" and new.name == "float8":
        return lost_down(f"the digits that {column} takes now are rounded off")
    if old.name in _FLOAT and new.name in (*_INTEGER, "float4", "numeric"):
        return lost_up(f"{column} is rounded to {new}")
    return None


def _moment(column: str, old: Type, new: Type) -> Verdict | None:
    if old.name not in _TIME or new.name not in _TIME:
        return None
    if old.name == new.name:
        # Without a number, microseconds are kept.
        before, after = (kind.numbers[0] if kind.numbers else 6 for kind in (old, new))
        if after >= before:
            return additive(f"{column} takes finer times than before")
        return lost_up(f"the times of {column} are rounded")
    if old.name == "date" and new.name == "timestamp":
        return lost_down(f"the time of day written to {column} since")
    if {old.name, new.name} == {"timestamp", "timestamptz"}:
        return lost_up(f"{column} is converted by the time zone of the session that ran the migration")
    return lost_up(f"from {old} to {new} drops a part of {column}")
