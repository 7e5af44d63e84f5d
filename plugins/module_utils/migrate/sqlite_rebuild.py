"""SQLite's way to change a table: create another, copy the rows, drop the old one, take its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .sqlite_sandbox import Column, Table, bare
from .verdict import Verdict, additive, lost_down, lost_up, reversible

__all__ = ["Copy", "added", "compare", "read_copy", "source_of"]

_NAME = r'(?:"[^"]+"|\[[^\]]+\]|`[^`]+`|[A-Za-z_]\w*)'
_COPY = re.compile(
    rf"INSERT\s+(?:OR\s+(?:ABORT|FAIL|ROLLBACK)\s+)?INTO\s+(?P<into>{_NAME})\s*(?:\((?P<columns>[^()]*)\))?\s*"
    rf"SELECT\s+(?P<items>[^()]*?)\s+FROM\s+(?P<source>{_NAME})",
    re.IGNORECASE | re.DOTALL,
)
_FROM = re.compile(rf"\bFROM\s+({_NAME})", re.IGNORECASE)
_ITEM = re.compile(
    rf"(?:{_NAME}\s*\.\s*)?(?P<column>{_NAME})(?:\s+AS\s+{_NAME})?|(?P<literal>'[^']*'|[-+]?[\d.]+|NULL)"
    rf"(?:\s+AS\s+{_NAME})?",
    re.IGNORECASE,
)
_CHECK = re.compile(r"\bCHECK\s*\(", re.IGNORECASE)
_OPTION = re.compile(r"\)\s*((?:STRICT|WITHOUT\s+ROWID|,|\s)+)$", re.IGNORECASE)


@dataclass(eq=False)
class Copy:
    """Rows of ``source`` put into another table. ``columns`` maps its columns to the source's; ``None`` when
    rows may have been left out or changed on the way."""

    source: str
    columns: dict[str, str] | None


def _plain(name: str) -> str:
    return name.strip().strip('"`[]').lower()


def source_of(text: str, read: set[str]) -> str:
    """The table whose rows an INSERT ... SELECT carries over; ``read`` is what SQLite says that it reads.

    SQLite does not tell it when both tables are alike, and reads others to check foreign keys.
    """
    if match := _COPY.fullmatch(bare(text)):
        return _plain(match["source"])
    named = [_plain(name) for name in _FROM.findall(bare(text))]
    return next((name for name in named if name in read), "")


def read_copy(text: str, into: Table, source_name: str, source: Table) -> Copy:
    """What an INSERT ... SELECT carries over."""
    match = _COPY.fullmatch(bare(text))
    if match is None or _plain(match["source"]) != source_name:
        return Copy(source_name, None)
    stored = [name for name, column in into.columns.items() if not column.generated]
    targets = [_plain(name) for name in match["columns"].split(",")] if match["columns"] else stored
    if match["items"].strip() == "*":
        sources = [name for name, column in source.columns.items() if not column.generated]
        return Copy(source_name, dict(zip(targets, sources, strict=False)))
    columns = {}
    for target, item in zip(targets, match["items"].split(","), strict=False):
        found = _ITEM.fullmatch(item.strip())
        if found is None:
            return Copy(source_name, None)
        if found["column"] and found["column"].upper() != "NULL":
            columns[target] = _plain(found["column"])
    return Copy(source_name, columns)


def _affinity(kind: str) -> str:
    """SQLite's rules for how a column stores values (datatype3.html, section 3.1)."""
    kind = kind.upper()
    if "INT" in kind:
        return "INTEGER"
    if any(word in kind for word in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if not kind or "BLOB" in kind or kind == "ANY":
        return "BLOB"
    if any(word in kind for word in ("REAL", "FLOA", "DOUB")):
        return "REAL"
    return "NUMERIC"


def added(table: str, column: Column) -> Verdict:
    """A column that was not there before."""
    if column.required and not column.filled:
        return lost_down(
            f"values of {table}.{column.name}, and it cannot be left: it must not be NULL and has no default,"
            " so that old inserts fail",
            table=table,
            column=column.name,
        )
    return additive(f"code from before does not name {column.name}, and its inserts still pass")


def compare(name: str, old: Table, new: Table, copy: Copy) -> Iterator[Verdict]:
    """What a rebuild of ``name`` has changed, at least one verdict."""
    if old.invented:
        yield lost_up(
            f"no earlier migration tells the columns of {name}, so some may have been left out", table=name
        )
        return
    if copy.columns is None:
        yield lost_up(
            f"rows or values of {name}: the copy chooses rows or changes values, which cannot be undone",
            table=name,
        )
        return
    yield additive(f"the rows of {name} were copied first")
    for column in old.columns.values():
        if not column.generated:
            yield from _kept(name, column, new, copy.columns)
    for key, column in new.columns.items():
        if key not in old.columns and not column.generated and key not in copy.columns:
            yield added(name, column)
    if _constraints(old, old) != _constraints(new, old):
        yield reversible(f"constraints of {name} change: code from before may be refused, or meet other rows")
    for what, before, after in (
        ("index", old.indexes, new.indexes),
        ("trigger", old.triggers, new.triggers),
    ):
        if gone := sorted(before - after):
            yield reversible(f"{what} {', '.join(gone)} went with the old table and is not created again")


def _kept(name: str, column: Column, new: Table, copied: dict[str, str]) -> Iterator[Verdict]:
    key = column.name.lower()
    targets = [target for target, source in copied.items() if source == key and target in new.columns]
    if not targets:
        yield lost_up(
            f"all values of {name}.{column.name}: the copy leaves it out", table=name, column=column.name
        )
        return
    if key not in targets:
        yield reversible(f"{name}.{column.name} is now called {', '.join(targets)}")
        return
    now = new.columns[key]
    before, after = _affinity(column.type), _affinity(now.type)
    if before in ("TEXT", "BLOB") and after not in ("TEXT", "BLOB"):
        yield lost_up(
            f"text in {name}.{column.name} that looks like a number is stored as one ('007' as 7)",
            table=name,
            column=column.name,
        )
    elif before != after:
        yield reversible(f"{name}.{column.name} is stored as {after}, not {before}")
    if column.required != now.required:
        yield reversible(
            f"{name}.{column.name} is {'no longer' if column.required else 'now'} NOT NULL: code from before"
            f" may {'meet' if column.required else 'write'} NULL"
        )
    elif column.default != now.default:
        yield reversible(f"inserts of code from before that leave {name}.{column.name} out get another value")


def _constraints(table: Table, old: Table) -> tuple[object, ...]:
    """What a table asks of its rows, without what concerns columns that were not there before."""
    option = _OPTION.search(bare(table.sql))
    return (
        {columns for columns in table.unique if all(column.lower() in old.columns for column in columns)},
        {key for key in table.keys if key[0] in old.columns},
        frozenset(_checks(table.sql)),
        "".join(option.group(1).upper().split()) if option else "",
    )


def _checks(sql: str) -> Iterator[str]:
    text = _strip_comments(sql)
    for match in _CHECK.finditer(text):
        depth = 1
        end = match.end()
        while end < len(text) and depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield " ".join(text[match.end() : end - 1].split())


def _strip_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL)
