"""ALTER TABLE, subcommand by subcommand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pglast import ast, enums
from pglast.visitors import Visitor

from .postgres_schema import Column, Schema, Table, column_of
from .postgres_types import change, type_of
from .verdict import Verdict, additive, lost_down, lost_up, reversible, unknown

__all__ = ["alter_table", "foreign_key_note"]

_A = enums.AlterTableType
_C = enums.ConstrType
_O = enums.ObjectType

_HARMLESS = {
    _A.AT_SetStatistics, _A.AT_SetOptions, _A.AT_ResetOptions, _A.AT_SetStorage, _A.AT_SetCompression,
    _A.AT_ClusterOn, _A.AT_DropCluster, _A.AT_SetTableSpace, _A.AT_SetRelOptions, _A.AT_ResetRelOptions,
    _A.AT_ReplicaIdentity, _A.AT_SetLogged, _A.AT_SetAccessMethod, _A.AT_DropOids,
}  # fmt: skip
_REVERSIBLE = {
    _A.AT_DropNotNull: "code from before may meet NULL; where there is some, the way back is refused",
    _A.AT_AlterConstraint: "when the constraint is checked changes",
    _A.AT_ChangeOwner: "the owner changes, and with it who may do what",
    _A.AT_AddInherit: "rows of the table now show in its parent",
    _A.AT_DropInherit: "rows of the table no longer show in its parent",
    _A.AT_AddOf: "the table is tied to a type",
    _A.AT_DropOf: "the table is no longer tied to a type",
    _A.AT_EnableRowSecurity: "policies now decide which rows code from before sees",
    _A.AT_DisableRowSecurity: "policies no longer hold: rows are seen that were not",
    _A.AT_ForceRowSecurity: "policies now hold for the owner too",
    _A.AT_NoForceRowSecurity: "policies no longer hold for the owner",
    _A.AT_AttachPartition: "rows of the partition now show in the table",
    _A.AT_DetachPartition: "rows of the partition no longer show in the table; they are kept",
    _A.AT_DetachPartitionFinalize: "rows of the partition no longer show in the table; they are kept",
    _A.AT_AddIdentity: "values that code from before gives for the column may be refused",
    _A.AT_SetIdentity: "the numbers that new rows get change",
    _A.AT_DropIdentity: "code from before that leaves the column out is refused",
    _A.AT_SetExpression: "the column is computed differently, from columns that are still there",
    _A.AT_GenericOptions: "options of a foreign table change",
    _A.AT_AlterColumnGenericOptions: "options of a foreign column change",
}


class _Expression(Visitor):  # type: ignore[misc]
    """The columns of an expression, and whether it asks for NULL."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: set[str] = set()
        self.null = False

    def visit_ColumnRef(self, _: Any, node: Any) -> None:
        self.columns.update(part.sval for part in node.fields if isinstance(part, ast.String))

    def visit_NullTest(self, _: Any, __: Any) -> None:
        self.null = True

    def visit_CoalesceExpr(self, _: Any, __: Any) -> None:
        self.null = True

    def visit_FuncCall(self, _: Any, __: Any) -> None:
        # num_nonnulls() and functions of one's own may refuse a NULL.
        self.null = True


def foreign_key_note(constraints: Iterator[Any] | tuple[Any, ...], schema: Schema) -> str:
    """What new rows that point to older tables keep code of before from doing."""
    held = sorted(
        {
            schema.key_of(constraint.pktable)
            for constraint in constraints
            if constraint.contype == _C.CONSTR_FOREIGN
            and constraint.fk_del_action not in ("c", "n", "d")
            and not schema.is_new(constraint.pktable)
        }
    )
    return (
        f"; code from before cannot delete rows of {', '.join(held)} that new rows point to" if held else ""
    )


def alter_table(node: Any, schema: Schema) -> Iterator[Verdict]:
    """ALTER TABLE, INDEX, VIEW, SEQUENCE, MATERIALIZED VIEW and composite TYPE."""
    if node.objtype == _O.OBJECT_TYPE:
        yield from _alter_composite(node)
        return
    new = schema.is_new(node.relation)
    name = schema.key_of(node.relation)
    table = schema.table(node.relation)
    for cmd in node.cmds:
        verdict = _subcommand(cmd, name, table, schema)
        if node.objtype == _O.OBJECT_INDEX and cmd.subtype == _A.AT_AttachPartition:
            verdict = additive("an index of a partition joins the index of the table")
        if new and cmd.subtype != _A.AT_AttachPartition:
            verdict = additive(f"{name} is created by this same migration")
        yield verdict


def _alter_composite(node: Any) -> Iterator[Verdict]:
    for cmd in node.cmds:
        if cmd.subtype == _A.AT_DropColumn:
            yield lost_up(f"attribute {cmd.name} of every value of the type")
        elif cmd.subtype == _A.AT_AddColumn:
            yield lost_down(f"attribute {cmd.def_.colname} of values written since")
        else:
            yield lost_up("values of the type are converted")


def _subcommand(cmd: Any, name: str, table: Table, schema: Schema) -> Verdict:
    kind = cmd.subtype
    if kind in _HARMLESS:
        return additive("a setting of storage or planning, which no statement of an application meets")
    if kind in _REVERSIBLE:
        if kind == _A.AT_DropNotNull and cmd.name in table.columns:
            table.columns[cmd.name].required = False
        return reversible(_REVERSIBLE[kind])
    if kind == _A.AT_AddColumn:
        return _add_column(cmd, name, table, schema)
    if kind == _A.AT_DropColumn:
        column = table.columns.pop(cmd.name, None)
        if column is not None and column.new:
            return additive(f"{cmd.name} was added by this same migration")
        cascade = ", and what depends on it (CASCADE)" if _cascades(cmd) else ""
        return lost_up(f"all values of {name}.{cmd.name}{cascade}", table=name, column=cmd.name)
    if kind == _A.AT_ColumnDefault:
        return _default(cmd, name, table)
    if kind == _A.AT_SetNotNull:
        return _set_not_null(cmd.name, name, table)
    if kind == _A.AT_AlterColumnType:
        return _alter_type(cmd, name, table)
    if kind == _A.AT_ValidateConstraint:
        return additive("checks rows that are there; new ones are checked already")
    if kind == _A.AT_AddConstraint:
        return _add_constraint(cmd.def_, name, table, schema)
    if kind == _A.AT_DropConstraint:
        return reversible(
            f"{cmd.name} no longer holds: rows may be written that code from before does not expect,"
            " and with such rows there the way back is refused"
        )
    if kind == _A.AT_SetUnLogged:
        return lost_up(f"{name} is emptied when the server crashes", table=name)
    if kind == _A.AT_DropExpression:
        return lost_down(
            f"values of {name}.{cmd.name}: it can only be made generated again as a new column",
            table=name,
            column=cmd.name,
        )
    if kind.name.startswith(("AT_Enable", "AT_Disable")):
        return reversible("triggers or rules act, or no longer act, on writes of code from before")
    return unknown(f"ALTER TABLE with {kind.name[3:]} is not known")


def _cascades(node: Any) -> bool:
    return bool(node.behavior == enums.DropBehavior.DROP_CASCADE)


def _add_column(cmd: Any, name: str, table: Table, schema: Schema) -> Verdict:
    column = column_of(cmd.def_)
    if cmd.missing_ok:
        # It may have been there before.
        column.new = False
        table.columns.setdefault(column.name, column)
    else:
        table.columns[column.name] = column
    column.new = not cmd.missing_ok
    refusal = _refuses(column)
    if refusal:
        return lost_down(
            f"values of {name}.{column.name}, and it cannot be left: {refusal}, so that old inserts fail",
            table=name,
            column=column.name,
        )
    note = foreign_key_note(column.constraints, schema)
    return additive(f"code from before does not name {column.name}, and its inserts still pass{note}")


def _refuses(column: Column) -> str:
    """Why an INSERT that leaves a new column out can be refused; empty when it cannot."""
    if column.required and not column.filled:
        return f"{column.name} must not be NULL and has no default"
    kinds = {constraint.contype for constraint in column.constraints}
    numbered = bool({_C.CONSTR_IDENTITY, _C.CONSTR_GENERATED} & kinds) or column.type.name == "uuid"
    for constraint in column.constraints:
        if constraint.contype == _C.CONSTR_UNIQUE and (
            constraint.nulls_not_distinct or (column.filled and not numbered)
        ):
            return f"{column.name} must be unique and gets the same value each time"
        if (
            constraint.contype == _C.CONSTR_CHECK
            and not column.filled
            and _checks_more(constraint, {column.name})
        ):
            return f"the CHECK of {column.name} may refuse rows without it"
    return ""


def _checks_more(constraint: Any, columns: set[str]) -> bool:
    """Whether a CHECK can refuse a row in which these columns are NULL."""
    seen = _Expression()
    seen(constraint.raw_expr)
    return seen.null or not seen.columns <= columns


def _default(cmd: Any, name: str, table: Table) -> Verdict:
    column = table.columns.get(cmd.name)
    if column is None or not column.new:
        if column is not None:
            column.filled = cmd.def_ is not None
        if cmd.def_ is None:
            return reversible(
                f"inserts of code from before that leave {cmd.name} out get NULL or are refused"
            )
        return reversible(f"inserts of code from before that leave {cmd.name} out get another value")
    column.filled = cmd.def_ is not None
    if column.required and not column.filled:
        return _cannot_be_left(name, cmd.name)
    return additive(f"{cmd.name} was added by this same migration")


def _set_not_null(column_name: str, name: str, table: Table) -> Verdict:
    column = table.columns.get(column_name)
    if column is not None:
        column.required = True
    if column is None or not column.new:
        return reversible(f"code from before may write NULL into {column_name}, which is refused now")
    if column.filled:
        return additive(f"{column_name} was added by this same migration and has a default")
    return _cannot_be_left(name, column_name)


def _cannot_be_left(table: str, column: str) -> Verdict:
    reason = f"values of {table}.{column}, and it cannot be left: inserts of code from before fail"
    return lost_down(reason, table=table, column=column)


def _alter_type(cmd: Any, name: str, table: Table) -> Verdict:
    column = table.columns.get(cmd.name)
    new = type_of(cmd.def_.typeName)
    old = column.type if column is not None else None
    if column is not None:
        column.type = new
        if column.new:
            return additive(f"{cmd.name} was added by this same migration")
    verdict = change(cmd.name, old, new, cmd.def_.raw_default)
    if not verdict.loses:
        return verdict
    place = lost_up("", table=name, column=cmd.name)
    return replace(verdict, table=place.table, column=place.column)


def _add_constraint(constraint: Any, name: str, table: Table, schema: Schema) -> Verdict:
    new = {column.name for column in table.columns.values() if column.new}
    empty = {column.name for column in table.columns.values() if column.new and not column.filled}
    named = {key.sval for key in constraint.keys or constraint.fk_attrs or ()}
    kind = constraint.contype
    if kind == _C.CONSTR_NOTNULL:
        return _set_not_null(next(iter(named)), name, table)
    if kind == _C.CONSTR_CHECK and not _checks_more(constraint, empty):
        return additive(
            "checks only columns that this same migration adds, which code from before leaves NULL"
        )
    if kind == _C.CONSTR_FOREIGN and named <= new:
        note = foreign_key_note((constraint,), schema)
        return additive(f"concerns only columns that this same migration adds{note}")
    if kind == _C.CONSTR_UNIQUE and named & empty and not constraint.nulls_not_distinct:
        return additive("concerns a column that this same migration adds, which code from before leaves NULL")
    what = {
        _C.CONSTR_CHECK: "rows that fail the check",
        _C.CONSTR_FOREIGN: "rows that point to nothing, and the deletion of rows that are pointed to",
        _C.CONSTR_UNIQUE: "a second row with the same values",
        _C.CONSTR_PRIMARY: "NULLs and a second row with the same key",
        _C.CONSTR_EXCLUSION: "rows that overlap",
    }.get(kind)
    if what is None:
        return unknown(f"a constraint of the kind {kind.name[7:]} is not known")
    return reversible(f"{what}: code from before may try it and is refused now")
