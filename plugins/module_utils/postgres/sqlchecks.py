"""A person's own checks: one SELECT per ``.sql`` file, with what is expected of it in a comment.

    -- name: no payment without a user
    -- expect: no rows
    SELECT id FROM payments LEFT JOIN users ON ... WHERE users.id IS NULL

``expect`` is ``no rows``, ``rows``, ``12 rows``, or ``value`` with ``=``, ``!=``, ``<``, ``<=``, ``>`` or
``>=`` and a number or text, held against the first column of the only row.
"""

from __future__ import annotations

import operator
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

import psycopg2

from .checks import FAIL, INCONCLUSIVE, PASS, Check, held
from .connect import Connection
from .errors import in_words
from .held import hurry, is_held

__all__ = ["evaluate", "run_files"]

_COMMENT = re.compile(r"^\s*--\s*(name|expect):\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_COUNT = re.compile(r"(no|\d+) rows?")
_VALUE = re.compile(r"value\s*(=|!=|<=|>=|<|>)\s*(.+)")
_COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def run_files(connection: Connection, folder: Path) -> list[Check]:
    """Every ``*.sql`` in a folder, by name. A folder without any is inconclusive, not a pass."""
    files = sorted(folder.glob("*.sql"))
    if not files:
        return [Check("sql", INCONCLUSIVE, f"there is no .sql file in {folder}")]
    checks = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            checks.append(Check(f"sql {file.name}", FAIL, f"{file} cannot be read: {error}"))
            continue
        told = {key.lower(): value for key, value in _COMMENT.findall(text)}
        name = f"sql {told.get('name', file.stem)}"
        if "expect" not in told:
            checks.append(Check(name, FAIL, f"{file} says nowhere what it expects: add -- expect: no rows"))
        else:
            checks.append(evaluate(connection, name, text, told["expect"]))
    return checks


def evaluate(connection: Connection, name: str, query: str, expect: str) -> Check:
    """One query in a savepoint of the connection's read-only transaction."""
    count, value = _COUNT.fullmatch(expect), _VALUE.fullmatch(expect)
    if expect != "rows" and not count and not value:
        return Check(name, FAIL, f"the expectation {expect!r} is not understood")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT knowngood_check")
            try:
                # A person writes names as the application does.
                cursor.execute("SET LOCAL search_path TO DEFAULT")
                cursor.execute("DECLARE knowngood_check NO SCROLL CURSOR FOR " + query)
                cursor.execute("FETCH FORWARD 2 FROM knowngood_check")
                found = cursor.fetchall()
                cursor.execute("MOVE FORWARD ALL FROM knowngood_check")
                total = len(found) + int((cursor.statusmessage or "MOVE 0").split()[1])
            except psycopg2.Error as error:
                cursor.execute("ROLLBACK TO SAVEPOINT knowngood_check")
                if is_held(error):
                    hurry(connection)
                    return held(name, in_words(error))
                return Check(name, FAIL, in_words(error))
            cursor.execute("ROLLBACK TO SAVEPOINT knowngood_check")
    except psycopg2.Error as error:
        if not connection.closed:
            connection.rollback()
        return Check(name, FAIL, f"it broke the transaction: {in_words(error)}")
    if count:
        wanted = 0 if count[1] == "no" else int(count[1])
        return _told(name, total == wanted, f"{total} rows, {wanted} expected", total)
    if value is None:
        return _told(name, total > 0, f"{total} rows", total)
    if total != 1:
        return Check(name, FAIL, f"{total} rows, one expected", {"rows": total})
    return _compare(name, found[0][0], value[1], value[2])


def _told(name: str, good: bool, detail: str, total: int) -> Check:
    return Check(name, PASS if good else FAIL, detail, {"rows": total})


def _compare(name: str, found: object, how: str, wanted: str) -> Check:
    compare = _COMPARE[how]
    try:
        good = compare(Decimal(str(found)), Decimal(wanted))
        detail = f"the value is {found}, {how} {wanted} expected"
    except InvalidOperation:
        good = compare(_text(found), wanted.strip("'"))
        # Text may be somebody's data.
        detail = f"the value is {'as' if good else 'not as'} expected"
    return Check(name, PASS if good else FAIL, detail)


def _text(value: object) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
