"""Statements that write rows, and SELECT, which may call something that does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, enums
from pglast.visitors import Visitor

from .postgres_schema import Schema
from .verdict import Verdict, additive, lost_up, reversible, unknown

__all__ = ["copy", "truncate", "writes"]

# What a migration may call in a SELECT without changing rows.
_QUIET = {
    "array_agg", "coalesce", "count", "current_database", "current_schema", "current_setting", "exists",
    "max", "min", "now", "pg_advisory_lock", "pg_advisory_unlock", "pg_advisory_xact_lock",
    "pg_sleep", "pg_try_advisory_lock", "set_config", "sum", "to_regclass", "version",
}  # fmt: skip


class _Within(Visitor):  # type: ignore[misc]
    """Every write, call and INTO of a statement, also those inside WITH."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Any] = []
        self.calls: set[str] = set()
        self.into: Any = None

    def visit(self, _: Any, node: Any) -> None:
        if isinstance(node, ast.InsertStmt | ast.UpdateStmt | ast.DeleteStmt | ast.MergeStmt):
            self.writes.append(node)
        elif isinstance(node, ast.FuncCall):
            self.calls.add(node.funcname[-1].sval)
        elif isinstance(node, ast.IntoClause):
            self.into = node


def writes(node: Any, schema: Schema) -> Iterator[Verdict]:
    """INSERT, UPDATE, DELETE, MERGE, SELECT and EXPLAIN, with everything inside WITH."""
    within = _Within()
    within(node)
    if within.into is not None:
        schema.create(within.into.rel, (), certain=True)
        yield additive("a new table, filled from what is there")
    for write in within.writes:
        yield _write(write, schema)
    if isinstance(node, ast.SelectStmt | ast.ExplainStmt) and not within.writes:
        if "setval" in within.calls:
            yield lost_up("where the sequence stood; numbers may be given out twice")
        elif strange := sorted(within.calls - _QUIET):
            yield unknown(f"calls {', '.join(strange)}, whose effect cannot be read here")
        else:
            yield additive("reads only")


def _write(node: Any, schema: Schema) -> Verdict:
    key = schema.key_of(node.relation)
    if schema.is_new(node.relation):
        return additive(f"{key} is created by this same migration")
    if isinstance(node, ast.InsertStmt):
        conflict = node.onConflictClause
        if conflict is not None and conflict.action == enums.OnConflictAction.ONCONFLICT_UPDATE:
            return lost_up(f"former values of rows of {key} that were there already", table=key)
        return reversible(
            f"code from before meets rows of {key} that it did not write; they can be taken out again"
        )
    if isinstance(node, ast.UpdateStmt):
        columns = schema.table(node.relation).columns
        names = [target.name for target in node.targetList]
        if all(name in columns and columns[name].new for name in names):
            return additive("fills only columns that this same migration adds")
        changed = sorted({name for name in names if name})
        return lost_up(
            f"former values of {key}.{', '.join(changed)}",
            table=key,
            column=changed[0] if len(changed) == 1 else "",
        )
    if isinstance(node, ast.DeleteStmt):
        return lost_up(f"rows of {key}", table=key)
    return lost_up(f"rows or former values of {key}", table=key)


def truncate(node: Any, schema: Schema) -> Iterator[Verdict]:
    for relation in node.relations:
        if schema.is_new(relation):
            yield additive(f"{schema.key_of(relation)} is created by this same migration")
        else:
            yield lost_up(f"all rows of {schema.key_of(relation)}", table=schema.key_of(relation))


def copy(node: Any, schema: Schema) -> Iterator[Verdict]:
    if node.is_program:
        yield unknown("runs a program on the server")
    elif not node.is_from:
        yield additive("reads rows out")
    elif node.filename is None:
        yield unknown("COPY FROM stdin has its rows in the script, which only psql can run")
    elif schema.is_new(node.relation):
        yield additive(f"{schema.key_of(node.relation)} is created by this same migration")
    else:
        yield reversible(
            "code from before meets rows that it did not write; they must be taken out one by one"
        )
