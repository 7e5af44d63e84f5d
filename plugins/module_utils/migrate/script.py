"""A script made ready to be run: in one transaction, or statement by statement when it cannot be in one."""

from __future__ import annotations

from dataclasses import dataclass

from .model import Dialect, MigrationError

__all__ = ["Script", "prepare"]

_TRANSACTION_WORDS = ("BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE")


@dataclass(frozen=True)
class Script:
    """``text`` is for one transaction. ``pieces``, when there are any, are run one by one outside of it."""

    text: str
    pieces: tuple[str, ...] = ()
    repeatable: bool = False
    """Run again, or over a half-done run, every statement comes to the same end."""


def prepare(sql: str, dialect: Dialect, file: str, *, transaction: bool = True) -> Script:
    """Raises ``MigrationError`` with file and line for a script that could not be run to one of two ends."""
    if dialect == "sqlite":
        return _sqlite(sql, file)
    # The parser takes its time to load, and only what is run needs it.
    from . import postgres_split

    statements = postgres_split.split(sql)
    for statement in statements:
        if statement.node is None:
            raise MigrationError(
                f"{file}:{statement.line}: PostgreSQL does not understand it: {statement.error}"
            )
    control = [
        at for at, statement in enumerate(statements) if postgres_split.controls_transaction(statement.node)
    ]
    _only_around(control, [statement.line for statement in statements], file)
    statements = [statement for at, statement in enumerate(statements) if at not in control]
    repeatable = all(postgres_split.repeatable(statement.node) for statement in statements)
    outside = [statement for statement in statements if postgres_split.outside_transaction(statement.node)]
    if transaction and not outside:
        text = ";\n".join(statement.text for statement in statements) if control else sql
        return Script(text, repeatable=repeatable)
    for statement in statements:
        if not postgres_split.repeatable(statement.node):
            why = (
                "holds a statement that cannot be in a transaction" if outside else "asks for no transaction"
            )
            raise MigrationError(
                f"{file}:{statement.line}: the script {why}, so it can break off half-way, and this statement"
                " could not be run again then: write it with IF EXISTS or IF NOT EXISTS, or move it"
                " to another migration"
            )
    return Script("", tuple(statement.text for statement in statements), repeatable=True)


def _sqlite(sql: str, file: str) -> Script:
    from . import sqlite_sandbox

    statements = list(sqlite_sandbox.split(sql))
    words = [statement.text.split(None, 1)[0].upper() for statement in statements]
    control = [at for at, word in enumerate(words) if word in _TRANSACTION_WORDS]
    _only_around(control, [statement.line for statement in statements], file)
    if not control:
        return Script(sql)
    return Script(";\n".join(statement.text for at, statement in enumerate(statements) if at not in control))


def _only_around(control: list[int], lines: list[int], file: str) -> None:
    """BEGIN first and COMMIT last are taken off, because the transaction is ours. Others cannot be."""
    if control and control != [0, len(lines) - 1]:
        raise MigrationError(
            f"{file}:{lines[control[0]]}: the script begins or ends transactions inside; every migration is"
            " run in one transaction, together with the note that it was: take BEGIN and COMMIT out"
        )
