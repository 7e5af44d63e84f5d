"""DROP, by what is dropped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, enums

from .postgres_schema import Schema
from .verdict import Verdict, additive, lost_up, reversible, unknown

__all__ = ["drop"]

_O = enums.ObjectType

_RELATIONS = {_O.OBJECT_TABLE, _O.OBJECT_VIEW, _O.OBJECT_MATVIEW, _O.OBJECT_INDEX, _O.OBJECT_SEQUENCE}
_ROUTINES = {_O.OBJECT_FUNCTION, _O.OBJECT_PROCEDURE, _O.OBJECT_ROUTINE, _O.OBJECT_AGGREGATE}
_TYPES = {_O.OBJECT_TYPE, _O.OBJECT_DOMAIN}

# Their definition is all there is to them, and CASCADE takes at most other definitions with it.
_DEFINITIONS = {
    _O.OBJECT_EVENT_TRIGGER, _O.OBJECT_MATVIEW, _O.OBJECT_POLICY, _O.OBJECT_PUBLICATION, _O.OBJECT_RULE,
    _O.OBJECT_STATISTIC_EXT, _O.OBJECT_TRIGGER, _O.OBJECT_VIEW,
}  # fmt: skip
# The same, but CASCADE may take columns or tables with it.
_USED = {
    *_ROUTINES, *_TYPES, _O.OBJECT_ACCESS_METHOD, _O.OBJECT_CAST, _O.OBJECT_COLLATION, _O.OBJECT_CONVERSION,
    _O.OBJECT_FDW, _O.OBJECT_FOREIGN_SERVER, _O.OBJECT_FOREIGN_TABLE, _O.OBJECT_LANGUAGE, _O.OBJECT_OPCLASS,
    _O.OBJECT_OPERATOR, _O.OBJECT_OPFAMILY, _O.OBJECT_SCHEMA, _O.OBJECT_TRANSFORM, _O.OBJECT_TSCONFIGURATION,
    _O.OBJECT_TSDICTIONARY, _O.OBJECT_TSPARSER, _O.OBJECT_TSTEMPLATE,
}  # fmt: skip


def drop(node: Any, schema: Schema) -> Iterator[Verdict]:
    """DROP of anything; one verdict per object."""
    if isinstance(node, ast.DropRoleStmt):
        yield lost_up("the password and the memberships of the role")
    elif isinstance(node, ast.DropUserMappingStmt):
        yield lost_up("the credentials of the user mapping")
    elif isinstance(node, ast.DropOwnedStmt):
        yield lost_up("everything that the role owns, which the statement does not name")
    elif isinstance(node, ast.DropSubscriptionStmt):
        yield lost_up("the place up to which the subscription had come")
    elif isinstance(node, ast.DropTableSpaceStmt):
        yield reversible("a tablespace can be dropped only when it is empty")
    else:
        for item in node.objects:
            yield _one(node, item, schema)


def _one(node: Any, item: Any, schema: Schema) -> Verdict:
    kind = node.removeType
    names = _names(item)
    name = ".".join(names)
    cascade = node.behavior == enums.DropBehavior.DROP_CASCADE
    if _forget(kind, names, schema):
        return additive(f"{name} is created by this same migration")
    if kind == _O.OBJECT_TABLE:
        more = ", and what depends on it (CASCADE)" if cascade else ""
        return lost_up(f"all rows of {name}{more}", table=name)
    if kind == _O.OBJECT_SEQUENCE:
        return lost_up(f"where {name} stood")
    if kind == _O.OBJECT_EXTENSION:
        return lost_up(
            f"what {name} keeps in tables of its own{', and what depends on it' if cascade else ''}"
        )
    if kind == _O.OBJECT_INDEX:
        return reversible(
            f"without {name}, code from before may be slow, and ON CONFLICT is refused if it was unique"
        )
    if kind in _DEFINITIONS:
        return reversible(f"code from before may need {name}; its definition brings it back")
    if kind in _USED:
        if cascade:
            return lost_up(f"what depends on {name} (CASCADE), which the statement does not name")
        return reversible(f"code from before may need {name}; its definition brings it back")
    return unknown(f"dropping {kind.name[7:].lower()} is not known here")


def _names(item: Any) -> list[str]:
    if isinstance(item, ast.String):
        return [item.sval]
    if isinstance(item, ast.TypeName):
        return [part.sval for part in item.names]
    if isinstance(item, ast.ObjectWithArgs):
        return [part.sval for part in item.objname]
    return [name for part in item for name in _names(part)]


def _forget(kind: Any, names: list[str], schema: Schema) -> bool:
    """Take an object out of what is known; true when the script at hand has created it."""
    if kind in (_O.OBJECT_TRIGGER, _O.OBJECT_RULE, _O.OBJECT_POLICY):
        return ("relation", schema.key(names[:-1])) in schema.created
    group = (
        "relation"
        if kind in _RELATIONS
        else "routine"
        if kind in _ROUTINES
        else "type"
        if kind in _TYPES
        else ""
    )
    if kind == _O.OBJECT_SCHEMA:
        group = "schema"
    if not group:
        return False
    key = names[0] if group == "schema" else schema.key(names)
    new = (group, key) in schema.created
    schema.created.discard((group, key))
    if group == "relation":
        schema.drop(key)
    return new
