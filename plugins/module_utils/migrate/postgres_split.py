"""Statements of a PostgreSQL script, as the parser of PostgreSQL itself (pglast) sees them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pglast
from pglast import ast, enums

__all__ = [
    "Statement",
    "controls_transaction",
    "index_to_build",
    "outside_transaction",
    "repeatable",
    "split",
]

_BLANK = re.compile(r"(?:\s+|;|--[^\n]*(?:\n|$))*")
_COMMENT = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Statement:
    """``node`` is its syntax tree, or ``None`` with the parser's ``error``."""

    text: str
    line: int
    node: Any
    error: str = ""


def split(sql: str) -> list[Statement]:
    """All statements in order. A script that does not parse as a whole is taken apart, so that one bad
    statement does not hide the others; what cannot be taken apart is one statement with an error."""
    try:
        return list(_parsed(sql, 0, sql))
    except pglast.parser.ParseError:
        pass
    try:
        parts = pglast.split(sql, with_parser=False, only_slices=True)
    except pglast.parser.ParseError as error:
        message, at = _told(error)
        return [Statement(sql[_skip_blank(sql, 0) :].strip() or sql.strip(), _line(sql, at), None, message)]
    statements: list[Statement] = []
    for part in _covering(sql, parts):
        piece = sql[part]
        try:
            statements.extend(_parsed(piece, part.start, sql))
        except pglast.parser.ParseError as error:
            message, at = _told(error)
            text = piece[_skip_blank(piece, 0) :].strip()
            statements.append(Statement(text, _line(sql, part.start + at), None, message))
    return statements


def _covering(sql: str, parts: Iterable[slice]) -> Iterator[slice]:
    """The parts, and whatever the splitter has passed over, so that nothing goes unjudged."""
    at = 0
    for part in (*parts, slice(len(sql), len(sql))):
        start = _skip_blank(sql, at)
        if start < part.start:
            yield slice(start, part.start)
        if part.start < part.stop:
            yield part
        at = part.stop


def _parsed(piece: str, offset: int, whole: str) -> Iterator[Statement]:
    for raw in pglast.parse_sql(piece):
        start = raw.stmt_location
        end = start + raw.stmt_len if raw.stmt_len else len(piece)
        start = _skip_blank(piece, start)
        yield Statement(piece[start:end].strip(), _line(whole, offset + start), raw.stmt)


def _told(error: pglast.parser.ParseError) -> tuple[str, int]:
    """The parser's message, and where in the text it stumbled; at its end, it does not say where."""
    message, at = error.args
    return str(message), int(at or 0)


def _line(sql: str, at: int) -> int:
    return sql.count("\n", 0, at) + 1


def _skip_blank(sql: str, at: int) -> int:
    while True:
        match = _BLANK.match(sql, at)
        assert match is not None
        at = match.end()
        if not sql.startswith("/*", at):
            return at
        depth = 0
        # Comments nest in PostgreSQL.
        for mark in _COMMENT.finditer(sql, at):
            depth += 1 if mark.group() == "/*" else -1
            if depth == 0:
                at = mark.end()
                break
        else:
            return len(sql)


def controls_transaction(node: Any) -> bool:
    """BEGIN, COMMIT and the like: a script that holds one decides about its transactions itself."""
    return isinstance(node, ast.TransactionStmt)


def outside_transaction(node: Any) -> bool:
    """Refused by PostgreSQL inside a transaction. ALTER TYPE ADD VALUE only before version 12."""
    if isinstance(node, ast.IndexStmt):
        return bool(node.concurrent)
    if isinstance(node, ast.DropStmt):
        return bool(node.concurrent)
    if isinstance(node, ast.ReindexStmt):
        return any(option.defname == "concurrently" for option in node.params or ()) or node.kind in (
            enums.ReindexObjectType.REINDEX_OBJECT_SCHEMA,
            enums.ReindexObjectType.REINDEX_OBJECT_SYSTEM,
            enums.ReindexObjectType.REINDEX_OBJECT_DATABASE,
        )
    if isinstance(node, ast.VacuumStmt):
        return bool(node.is_vacuumcmd)
    if isinstance(node, ast.AlterTableStmt):
        return any(isinstance(cmd.def_, ast.PartitionCmd) and cmd.def_.concurrent for cmd in node.cmds)
    if isinstance(node, ast.ClusterStmt):
        return node.relation is None
    return isinstance(
        node,
        ast.CreatedbStmt
        | ast.DropdbStmt
        | ast.CreateTableSpaceStmt
        | ast.DropTableSpaceStmt
        | ast.AlterSystemStmt
        | ast.CreateSubscriptionStmt
        | ast.DropSubscriptionStmt,
    )


_SAME_TWICE = (
    ast.CommentStmt,
    ast.DeleteStmt,
    ast.GrantStmt,
    ast.ReindexStmt,
    ast.SelectStmt,
    ast.TruncateStmt,
    ast.VacuumStmt,
    ast.VariableSetStmt,
)
_SAME_TWICE_ALTER = (
    enums.AlterTableType.AT_ColumnDefault,
    enums.AlterTableType.AT_DropNotNull,
    enums.AlterTableType.AT_SetNotNull,
    enums.AlterTableType.AT_ValidateConstraint,
)


def repeatable(node: Any) -> bool:
    """Whether running the statement once more changes nothing: IF EXISTS, OR REPLACE and such."""
    if isinstance(node, ast.DropStmt):
        return bool(node.missing_ok)
    if isinstance(node, ast.IndexStmt | ast.CreateStmt | ast.CreateTableAsStmt | ast.CreateSchemaStmt):
        return bool(node.if_not_exists)
    if isinstance(node, ast.CreateExtensionStmt | ast.CreateSeqStmt):
        return bool(node.if_not_exists)
    if isinstance(node, ast.ViewStmt | ast.CreateFunctionStmt):
        return bool(node.replace)
    if isinstance(node, ast.AlterEnumStmt):
        return bool(node.skipIfNewValExists)
    if isinstance(node, ast.AlterTableStmt):
        return all(cmd.missing_ok or cmd.subtype in _SAME_TWICE_ALTER for cmd in node.cmds)
    return isinstance(node, _SAME_TWICE)


def index_to_build(piece: str) -> str:
    """The quoted name of the index that a CREATE INDEX CONCURRENTLY builds; empty for anything else."""
    node = pglast.parse_sql(piece)[0].stmt
    if not (isinstance(node, ast.IndexStmt) and node.concurrent and node.idxname):
        return ""
    parts = [node.relation.schemaname, node.idxname] if node.relation.schemaname else [node.idxname]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)
