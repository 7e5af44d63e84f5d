"""What a migration does to the way back, judged from its SQL by the database's own parser."""

from __future__ import annotations

from .model import Dialect, Finding, Kind
from .verdict import shorten

__all__ = ["classify"]


def classify(sql: str, dialect: Dialect, *, before: str = "", migration: str = "") -> list[Finding]:
    """The findings on every statement of a script, in order. ``worst()`` of them is the kind of the whole.

    ``before`` is the SQL of the earlier migrations: with it, widening a type is told from narrowing it,
    and SQLite can resolve names. ``sqlite`` is SQLite as D1 runs it. Never raises: what does not parse is
    irreversible, with the parser's message.
    """
    if "\0" in sql + before:
        # The parsers are written in C and would stop reading there.
        reason = "it holds a NUL character, where a database stops reading"
        return [
            Finding(
                migration, shorten(sql), sql.count("\n", 0, sql.find("\0")) + 1, Kind.IRREVERSIBLE, reason
            )
        ]
    # Each parser takes its time to load, and only what is judged needs one.
    if dialect == "sqlite":
        from . import sqlite_rules

        return sqlite_rules.classify(sql, before=before, migration=migration)
    from . import postgres_rules
    from .postgres_schema import Schema
    from .postgres_split import split

    schema = Schema()
    for statement in split(before):
        if statement.node is not None:
            postgres_rules.judge(statement.node, schema)
    schema.begin()
    findings = []
    for statement in split(sql):
        text = shorten(statement.text)
        if statement.node is None:
            reason = f"the parser of PostgreSQL does not understand it: {statement.error}"
            findings.append(
                Finding(migration, text, statement.line, Kind.IRREVERSIBLE, reason, sql=statement.text)
            )
            continue
        for verdict in postgres_rules.judge(statement.node, schema):
            findings.append(
                Finding(
                    migration,
                    text,
                    statement.line,
                    verdict.kind,
                    verdict.reason,
                    verdict.loses,
                    verdict.table,
                    verdict.column,
                    statement.text,
                )
            )
    return findings
