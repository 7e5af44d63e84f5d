"""What D1 lets SQL do, and how it words a refusal (D1 docs: platform/limits, sql-api/sql-statements)."""

import re
import sqlite3

LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: 100,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 32,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
}
QUERY_SECONDS = 30.0

PRAGMAS = frozenset(
    {
        *("case_sensitive_like", "defer_foreign_keys", "ignore_check_constraints", "legacy_alter_table"),
        *("foreign_keys", "foreign_key_check", "foreign_key_list", "function_list", "pragma_list"),
        *("index_info", "index_list", "index_xinfo", "table_info", "table_list", "table_xinfo"),
        *("optimize", "quick_check", "recursive_triggers", "reverse_unordered_selects"),
    }
)
_FORBIDDEN = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_CREATE_TEMP_INDEX,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
    }
)
_TRANSACTION = re.compile(r"(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
_NAMES = (
    *(
        "OK",
        "ERROR",
        "INTERNAL",
        "PERM",
        "ABORT",
        "BUSY",
        "LOCKED",
        "NOMEM",
        "READONLY",
        "INTERRUPT",
        "IOERR",
    ),
    *("CORRUPT", "NOTFOUND", "FULL", "CANTOPEN", "PROTOCOL", "EMPTY", "SCHEMA", "TOOBIG", "CONSTRAINT"),
    *("MISMATCH", "MISUSE", "NOLFS", "AUTH", "FORMAT", "RANGE", "NOTADB"),
)
"""SQLite's primary result codes in their order."""


class SqlError(Exception):
    """SQL that D1 refuses (code 7500); the message is D1's, as far as it is known."""


def allowed(action: int, first: str | None, second: str | None) -> bool:
    """Whether a statement may do what SQLite's authorizer asks for."""
    if action == sqlite3.SQLITE_PRAGMA:
        return first is not None and first.lower() in PRAGMAS
    if action == sqlite3.SQLITE_CREATE_VTABLE:
        return second is not None and second.lower() in ("fts5", "fts5vocab")
    return action not in _FORBIDDEN


def check_statement(text: str) -> None:
    """Refuses statements that would open or close a transaction."""
    if _TRANSACTION.match(text):
        raise SqlError(
            "To execute a transaction, please use the state.storage.transaction() or"
            " state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT"
            " statements."
        )


def refusal(error: Exception) -> SqlError:
    """What D1 says for an error of SQLite or of its Python binding."""
    if isinstance(error, SqlError):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return SqlError(f"{error}: SQLITE_{_NAMES[code & 0xFF]}")
    text = str(error)
    if "number of bindings" in text:
        return SqlError("Wrong number of parameter bindings for SQL query.")
    if "too large" in text:
        return SqlError("statement too long: SQLITE_TOOBIG")
    return SqlError(text)
