"""What a PostgreSQL statement does to the way back: one rule per kind of statement."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pglast
from pglast import ast, enums

from .postgres_alter import alter_table, foreign_key_note
from .postgres_drop import drop
from .postgres_schema import Schema, column_of
from .postgres_split import split
from .postgres_writes import copy as copy_rows
from .postgres_writes import truncate, writes
from .verdict import Verdict, additive, lost_up, reversible, unknown

__all__ = ["judge"]

_O = enums.ObjectType
_SELF = "is created by this same migration"

_HARMLESS = {
    "CheckPointStmt": "writes what is in memory to disk",
    "ClosePortalStmt": "concerns this session only",
    "ClusterStmt": "orders rows on disk",
    "CommentStmt": "a comment",
    "ConstraintsSetStmt": "concerns this transaction only",
    "DeallocateStmt": "concerns this session only",
    "DiscardStmt": "concerns this session only",
    "FetchStmt": "concerns this session only",
    "ListenStmt": "concerns this session only",
    "LockStmt": "concerns this transaction only",
    "NotifyStmt": "a message to whoever listens",
    "RefreshMatViewStmt": "computes a materialized view anew",
    "ReindexStmt": "builds an index anew",
    "SecLabelStmt": "a label",
    "UnlistenStmt": "concerns this session only",
    "VacuumStmt": "upkeep",
    "VariableShowStmt": "reads a setting",
}
_ADDED = {
    "CompositeTypeStmt": "type",
    "CreateAmStmt": "access method",
    "CreateCastStmt": "cast",
    "CreateConversionStmt": "conversion",
    "CreateDomainStmt": "domain",
    "CreateEnumStmt": "type",
    "CreateExtensionStmt": "extension",
    "CreateFdwStmt": "foreign-data wrapper",
    "CreateForeignServerStmt": "foreign server",
    "CreateOpClassStmt": "operator class",
    "CreateOpFamilyStmt": "operator family",
    "CreatePLangStmt": "language",
    "CreatePublicationStmt": "publication",
    "CreateRangeStmt": "type",
    "CreateRoleStmt": "role",
    "CreateSchemaStmt": "schema",
    "CreateStatsStmt": "statistics",
    "CreateTableSpaceStmt": "tablespace",
    "CreateTransformStmt": "transform",
    "CreateUserMappingStmt": "user mapping",
    "CreatedbStmt": "database",
    "DefineStmt": "object",
    "ImportForeignSchemaStmt": "foreign tables",
}
_CHANGED = {
    "AlterCollationStmt", "AlterDatabaseSetStmt", "AlterDatabaseStmt", "AlterDomainStmt",
    "AlterEventTrigStmt", "AlterExtensionContentsStmt", "AlterFdwStmt", "AlterForeignServerStmt",
    "AlterFunctionStmt", "AlterObjectDependsStmt", "AlterOpFamilyStmt", "AlterOperatorStmt",
    "AlterOwnerStmt", "AlterPolicyStmt",
    "AlterPublicationStmt", "AlterRoleSetStmt", "AlterStatsStmt", "AlterTSConfigurationStmt",
    "AlterTSDictionaryStmt", "CreateEventTrigStmt",
}  # fmt: skip
_NOT_SEEN = {
    "AlterExtensionStmt": "an extension seldom has a way back to its older version",
    "AlterSystemStmt": "changes the server, not the database",
    "CallStmt": "calls a procedure, whose effect cannot be read here",
    "DropdbStmt": "a whole database is gone",
    "ExecuteStmt": "runs a prepared statement, which cannot be read here",
    "LoadStmt": "loads code into the server",
    "ReassignOwnedStmt": "who owned what is no longer known",
}


def judge(node: Any, schema: Schema) -> list[Verdict]:
    """The verdicts on one statement, at least one; ``schema`` is brought up to date with it."""
    name = type(node).__name__
    if name in _RULES:
        return list(_RULES[name](node, schema))
    if name in _HARMLESS:
        return [additive(_HARMLESS[name])]
    if name in _ADDED:
        _remember(node, schema)
        return [additive(f"a new {_ADDED[name]}, which code from before does not know")]
    if name in _CHANGED:
        return [reversible("code from before meets it changed; it can be changed back")]
    if name in _NOT_SEEN:
        return [unknown(_NOT_SEEN[name])]
    return [unknown(f"{name.removesuffix('Stmt')} is not a statement that is known here")]


def _remember(node: Any, schema: Schema) -> None:
    if isinstance(node, ast.CreateEnumStmt | ast.CreateRangeStmt):
        schema.created.add(("type", schema.key(part.sval for part in node.typeName)))
    elif isinstance(node, ast.CompositeTypeStmt):
        schema.created.add(("type", schema.key_of(node.typevar)))
    elif isinstance(node, ast.CreateDomainStmt):
        schema.created.add(("type", schema.key(part.sval for part in node.domainname)))
    elif isinstance(node, ast.CreateSchemaStmt) and not node.if_not_exists:
        schema.created.add(("schema", node.schemaname))


def _create_table(node: Any, schema: Schema) -> Iterator[Verdict]:
    elements = node.tableElts or ()
    columns = [column_of(element) for element in elements if isinstance(element, ast.ColumnDef)]
    constraints = [c for column in columns for c in column.constraints]
    constraints += [element for element in elements if isinstance(element, ast.Constraint)]
    schema.create(node.relation, columns, certain=not node.if_not_exists)
    note = foreign_key_note(tuple(constraints), schema)
    if node.inhRelations and node.partbound is None:
        yield reversible("rows of the new table show in its parent, where code from before reads them")
    elif node.partbound is not None:
        yield additive("a new partition takes rows that had none before")
    else:
        yield additive(f"a new table, which code from before does not know{note}")


def _create_table_as(node: Any, schema: Schema) -> Iterator[Verdict]:
    schema.create(node.into.rel, (), certain=not node.if_not_exists)
    yield additive("new, computed from what is there")
    yield from writes(node.query, schema)


def _index(node: Any, schema: Schema) -> Iterator[Verdict]:
    table = schema.table(node.relation)
    note = ""
    if node.concurrent:
        note = "; CONCURRENTLY is outside any transaction, and leaves an invalid index when it breaks off"
    elif node.idxname and not node.if_not_exists:
        schema.created.add(("relation", _beside(node.relation, node.idxname, schema)))
    if not node.unique:
        yield additive(f"an index changes no answer{note}")
        return
    names = {element.name for element in node.indexParams}
    empty = {column.name for column in table.columns.values() if column.new and not column.filled}
    if schema.is_new(node.relation):
        yield additive(f"{schema.key_of(node.relation)} {_SELF}{note}")
    elif names & empty and not node.nulls_not_distinct:
        yield additive(
            f"concerns a column that this same migration adds, which code from before leaves NULL{note}"
        )
    else:
        yield reversible(f"a second row with the same values is refused now{note}")


def _beside(relation: Any, name: str, schema: Schema) -> str:
    """An index is in the schema of its table."""
    return schema.key([relation.schemaname, name] if relation.schemaname else [name])


def _rename(node: Any, schema: Schema) -> Iterator[Verdict]:
    kind = node.renameType
    if node.relation is not None:
        old = schema.key_of(node.relation)
        new = schema.is_new(node.relation)
        if kind == _O.OBJECT_COLUMN:
            columns = schema.table(node.relation).columns
            column = columns.pop(node.subname, None)
            if column is not None:
                column.name = node.newname
                columns[node.newname] = column
                new = new or column.new
        elif kind not in (_O.OBJECT_TABCONSTRAINT, _O.OBJECT_TRIGGER, _O.OBJECT_RULE, _O.OBJECT_POLICY):
            schema.rename(old, _beside(node.relation, node.newname, schema))
        if new:
            yield additive(f"{old} or its column {_SELF}")
            return
    if kind == _O.OBJECT_INDEX:
        yield additive("no statement of an application names an index")
        return
    yield reversible(f"code from before uses the former name, not {node.newname}")


def _alter_schema(node: Any, schema: Schema) -> Iterator[Verdict]:
    if node.relation is not None:
        schema.rename(schema.key_of(node.relation), schema.key([node.newschema, node.relation.relname]))
    yield reversible(f"code from before looks for it in the former schema, not in {node.newschema}")


def _alter_enum(node: Any, schema: Schema) -> Iterator[Verdict]:
    name = schema.key(part.sval for part in node.typeName)
    if ("type", name) in schema.created:
        yield additive(f"{name} {_SELF}")
    elif node.oldVal:
        yield reversible(f"code from before uses the former value {node.oldVal!r}")
    else:
        yield additive(
            f"code from before does not write {node.newVal!r}, but may read it where new code wrote it;"
            " PostgreSQL cannot take a value out of an enum: leave it"
        )


def _view(node: Any, schema: Schema) -> Iterator[Verdict]:
    key = schema.key_of(node.view)
    if node.replace and ("relation", key) not in schema.created:
        yield reversible("code from before may meet the view changed; the former definition brings it back")
        return
    schema.created.add(("relation", key))
    yield additive("a new view")


def _function(node: Any, schema: Schema) -> Iterator[Verdict]:
    key = ("routine", schema.key(part.sval for part in node.funcname))
    if node.replace and key not in schema.created:
        yield reversible("code from before may meet it changed; the former definition brings it back")
        return
    schema.created.add(key)
    yield additive("new; code from before does not call it")


def _on_table(what: str) -> Callable[[Any, Schema], Iterator[Verdict]]:
    def rule(node: Any, schema: Schema) -> Iterator[Verdict]:
        relation = node.table if isinstance(node, ast.CreatePolicyStmt) else node.relation
        if schema.is_new(relation):
            yield additive(f"{schema.key_of(relation)} {_SELF}")
        else:
            yield reversible(f"the {what} acts on what code from before does too")

    return rule


def _sequence(node: Any, schema: Schema) -> Iterator[Verdict]:
    if not node.if_not_exists:
        schema.created.add(("relation", schema.key_of(node.sequence)))
    yield additive("a new sequence")


def _alter_sequence(node: Any, schema: Schema) -> Iterator[Verdict]:
    options = {option.defname for option in node.options or ()}
    if schema.is_new(node.sequence) or options == {"owned_by"}:
        yield additive("the sequence is new, or only belongs to a column now")
    elif "restart" in options:
        yield lost_up("where the sequence stood; numbers may be given out twice")
    else:
        yield reversible("the numbers that new rows get change")


def _grant(node: Any, _: Schema) -> Iterator[Verdict]:
    action = node.action if isinstance(node, ast.AlterDefaultPrivilegesStmt) else node
    if action.is_grant:
        yield additive("more is allowed than before")
    else:
        yield reversible("code from before may no longer be allowed what it does")


def _alter_role(node: Any, _: Schema) -> Iterator[Verdict]:
    if any(option.defname == "password" for option in node.options or ()):
        yield lost_up("the former password of the role")
    else:
        yield reversible("the role may do other things than before")


def _setting(node: Any, schema: Schema) -> Iterator[Verdict]:
    if node.name == "search_path":
        names = [argument.val.sval for argument in node.args or () if isinstance(argument.val, ast.String)]
        schema.path = next((name for name in names if name != "$user"), "public")
    yield additive("concerns this session only")


def _transaction(node: Any, schema: Schema) -> Iterator[Verdict]:
    kind = enums.TransactionStmtKind
    if node.kind in (kind.TRANS_STMT_ROLLBACK, kind.TRANS_STMT_ROLLBACK_TO):
        schema.begin()
    yield additive("begins or ends a transaction")


def _do(node: Any, schema: Schema) -> Iterator[Verdict]:
    options = {option.defname: option.arg for option in node.args}
    language = options["language"].sval if "language" in options else "plpgsql"
    if language != "plpgsql":
        yield unknown(f"a block of {language}, which cannot be read here")
        return
    body = options["as"].sval.replace("'", "''").replace("\\", "\\\\")
    try:
        tree = pglast.parse_plpgsql(f"CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS E'{body}'")
    except pglast.parser.ParseError as error:
        yield unknown(f"the block does not parse: {error.args[0]}")
        return
    # A block creates under conditions, so what it creates does not count as created after it.
    inside = copy.deepcopy(schema)
    yield additive("a block; what is in it is judged one by one")
    for kind, query in _queries(tree):
        if query is None:
            yield unknown(f"the block builds a statement while it runs ({kind}), which cannot be read here")
            continue
        for statement in split(query):
            if statement.node is None:
                yield unknown(f"a statement of the block does not parse: {statement.error}")
            else:
                yield from judge(statement.node, inside)


_RUNS = ("PLpgSQL_stmt_execsql", "PLpgSQL_stmt_perform", "PLpgSQL_stmt_fors", "PLpgSQL_stmt_call")
_BUILDS = ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors")


def _queries(tree: Any) -> Iterator[tuple[str, str | None]]:
    """The statements of a PL/pgSQL tree; ``None`` for one that is built while it runs."""
    if isinstance(tree, list):
        for item in tree:
            yield from _queries(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in _BUILDS:
                yield key.removeprefix("PLpgSQL_stmt_"), None
            elif key in _RUNS:
                holder = value.get("sqlstmt") or value.get("expr") or value.get("query")
                yield key, holder["PLpgSQL_expr"]["query"]
            yield from _queries(value)


_RULES: dict[str, Callable[[Any, Schema], Iterator[Verdict]]] = {
    "AlterDefaultPrivilegesStmt": _grant,
    "AlterEnumStmt": _alter_enum,
    "AlterObjectSchemaStmt": _alter_schema,
    "AlterRoleStmt": _alter_role,
    "AlterSeqStmt": _alter_sequence,
    "AlterTableStmt": alter_table,
    "CopyStmt": copy_rows,
    "CreateForeignTableStmt": lambda node, schema: _create_table(node.base, schema),
    "CreateFunctionStmt": _function,
    "CreatePolicyStmt": _on_table("policy"),
    "CreateSeqStmt": _sequence,
    "CreateStmt": _create_table,
    "CreateTableAsStmt": _create_table_as,
    "CreateTrigStmt": _on_table("trigger"),
    "DeleteStmt": writes,
    "DoStmt": _do,
    "DropOwnedStmt": drop,
    "DropRoleStmt": drop,
    "DropStmt": drop,
    "DropSubscriptionStmt": drop,
    "DropTableSpaceStmt": drop,
    "DropUserMappingStmt": drop,
    "ExplainStmt": writes,
    "GrantRoleStmt": _grant,
    "GrantStmt": _grant,
    "IndexStmt": _index,
    "InsertStmt": writes,
    "MergeStmt": writes,
    "RenameStmt": _rename,
    "RuleStmt": _on_table("rule"),
    "SelectStmt": writes,
    "TransactionStmt": _transaction,
    "TruncateStmt": truncate,
    "UpdateStmt": writes,
    "VariableSetStmt": _setting,
    "ViewStmt": _view,
}
