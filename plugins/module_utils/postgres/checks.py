"""Checks of a database's integrity, one function each. All only read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from psycopg2 import sql

from .catalog import Table
from .connect import Connection
from .fingerprint import Fingerprint

__all__ = [
    "FAIL",
    "INCONCLUSIVE",
    "PASS",
    "Check",
    "constraints",
    "content",
    "filled",
    "foreign_keys",
    "held",
    "indexes",
    "lookups",
    "rows",
    "sequences",
]

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


@dataclass(frozen=True)
class Check:
    """``data`` holds the figures behind the verdict; never a row's content.

    ``held``: it could not be made, because somebody else holds what it reads.
    """

    name: str
    verdict: str
    detail: str
    data: dict[str, Any] = field(default_factory=dict)
    held: bool = False


def held(name: str, why: str) -> Check:
    """A check that somebody else's lock is in the way of."""
    return Check(name, INCONCLUSIVE, why, held=True)


def _judge(name: str, faults: list[str], good: str, **data: Any) -> Check:
    return Check(name, FAIL if faults else PASS, "; ".join(faults) or good, data)


def filled(found: Iterable[Fingerprint]) -> Check:
    """There are tables, and there are rows in them: an empty database passes nothing."""
    tables = list(found)
    total = sum(table.rows for table in tables)
    if not tables:
        return Check("filled", FAIL, "the database has no tables", {"tables": 0, "rows": 0})
    faults = [] if total else [f"all {len(tables)} tables are empty"]
    return _judge("filled", faults, f"{total} rows in {len(tables)} tables", tables=len(tables), rows=total)


_CONSTRAINTS = """
SELECT pg_catalog.format('%s on %s is not validated', c.conname, c.conrelid::regclass)
FROM pg_catalog.pg_constraint c WHERE NOT c.convalidated AND c.conrelid <> 0
UNION ALL
SELECT DISTINCT pg_catalog.format('%s on %s is not enforced: its triggers are disabled',
  c.conname, c.conrelid::regclass)
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_constraint c ON c.oid = t.tgconstraint
WHERE t.tgisinternal AND t.tgenabled = 'D'
ORDER BY 1
"""


def constraints(connection: Connection) -> Check:
    """All constraints were validated, and all foreign keys are enforced."""
    with connection.cursor() as cursor:
        cursor.execute(_CONSTRAINTS)
        faults = [fault for (fault,) in cursor]
        cursor.execute(
            "SELECT count(*) FROM pg_catalog.pg_constraint c"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace"
            " WHERE c.conrelid <> 0 AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
        )
        count = (cursor.fetchone() or (0,))[0]
    return _judge("constraints", faults, f"all {count} are validated", constraints=count)


_FOREIGN_KEYS = """
SELECT f.conname, cn.nspname, c.relname, pn.nspname, p.relname, p.relkind = 'r', c.relkind = 'r',
  ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(f.conkey) WITH ORDINALITY k(n, i)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.n ORDER BY k.i),
  ARRAY(SELECT a.attname::text FROM pg_catalog.unnest(f.confkey) WITH ORDINALITY k(n, i)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.n ORDER BY k.i),
  ARRAY(SELECT pg_catalog.format('%I.%s', n.nspname, o.oprname)
        FROM pg_catalog.unnest(f.conpfeqop) WITH ORDINALITY k(op, i)
        JOIN pg_catalog.pg_operator o ON o.oid = k.op
        JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace ORDER BY k.i)
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class c ON c.oid = f.conrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = f.confrelid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0 ORDER BY 2, 3, 1
"""
_ORPHANS = (
    "SELECT count(*) FROM {only_child} {child} c WHERE {given}"
    " AND NOT EXISTS (SELECT FROM {only_parent} {parent} p WHERE {match})"
)


def foreign_keys(connection: Connection) -> Check:
    """No row points to a row that is not there. Read from the rows, not from the constraints' own word."""
    faults, orphans = [], 0
    with connection.cursor() as cursor:
        cursor.execute(_FOREIGN_KEYS)
        keys = cursor.fetchall()
        for name, schema, child, *parent, only_parent, only_child, mine, theirs, operators in keys:
            only = {True: sql.SQL("ONLY"), False: sql.SQL("")}
            match = [
                sql.SQL("{} OPERATOR(" + operator + ") {}").format(
                    sql.Identifier("p", there), sql.Identifier("c", here)
                )
                for here, there, operator in zip(mine, theirs, operators, strict=True)
            ]
            cursor.execute(
                sql.SQL(_ORPHANS).format(
                    only_child=only[only_child],
                    child=sql.Identifier(schema, child),
                    only_parent=only[only_parent],
                    parent=sql.Identifier(*parent),
                    given=sql.SQL(" AND ").join(
                        sql.SQL("{} IS NOT NULL").format(sql.Identifier("c", column)) for column in mine
                    ),
                    match=sql.SQL(" AND ").join(match),
                )
            )
            count = (cursor.fetchone() or (0,))[0]
            orphans += count
            if count:
                faults.append(
                    f"{count} rows of {schema}.{child} point to nothing in {'.'.join(parent)} ({name})"
                )
    return _judge("foreign_keys", faults, f"no orphans by {len(keys)} keys", keys=len(keys), orphans=orphans)


def indexes(connection: Connection) -> Check:
    """No index is invalid, as a failed CREATE INDEX CONCURRENTLY leaves it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, i.indisvalid AND i.indisready AND i.indislive"
            " FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
            " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' ORDER BY 1"
        )
        found = cursor.fetchall()
    faults = [f"{name} is invalid" for name, good in found if not good]
    return _judge("indexes", faults, f"all {len(found)} are valid", indexes=len(found))


_SEQUENCES = """
SELECT sn.nspname, s.relname, n.nspname, c.relname, a.attname, q.seqincrement
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0 ORDER BY 1, 2
"""


def sequences(connection: Connection) -> Check:
    """No sequence is behind the column that it numbers: the next insert would collide."""
    faults = []
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES)
        found = cursor.fetchall()
        for schema, sequence, *table, column, step in found:
            cursor.execute(
                sql.SQL("SELECT s.last_value, s.is_called, (SELECT {}({}) FROM {})::bigint FROM {} s").format(
                    sql.SQL("max" if step > 0 else "min"),
                    sql.Identifier(column),
                    sql.Identifier(*table),
                    sql.Identifier(schema, sequence),
                )
            )
            last, called, furthest = cursor.fetchone() or ()
            following = last + step if called else last
            if furthest is not None and (following <= furthest if step > 0 else following >= furthest):
                faults.append(
                    f"{schema}.{sequence} gives {following} next, {'.'.join(table)}.{column} has {furthest}"
                )
    return _judge("sequences", faults, f"all {len(found)} are ahead", sequences=len(found))


def rows(
    before: Iterable[Fingerprint], now: Iterable[Fingerprint], *, exact: bool, besides: Iterable[str] = ()
) -> Check:
    """Row counts against those from before: the same, or with ``exact=False`` (others write) not fewer.

    ``besides`` are tables (``schema.name``) that are meant to differ.
    """
    left_out = set(besides)
    then = {table.full_name: table for table in before if table.full_name not in left_out}
    there = {table.full_name: table for table in now if table.full_name not in left_out}
    faults = [f"{name} is gone ({then[name].rows} rows)" for name in sorted(then.keys() - there.keys())]
    for name in sorted(then.keys() & there.keys()):
        had, has = then[name].rows, there[name].rows
        if has < had or (exact and has != had):
            faults.append(f"{name} has {has} rows, it had {had}")
    good = f"{len(then)} tables as before" if exact else f"no table of {len(then)} lost rows"
    if not then:
        return Check("rows", INCONCLUSIVE, "there is nothing to compare with")
    return _judge("rows", faults, good, tables=len(then), left_out=sorted(left_out))


def content(
    before: Iterable[Fingerprint], now: Iterable[Fingerprint], *, besides: Iterable[str] = ()
) -> Check:
    """Every row is what it was. Only of use where nobody wrote since."""
    left_out = set(besides)
    there = {table.full_name: table for table in now}
    then = [table for table in before if table.content is not None and table.full_name not in left_out]
    if not then:
        return Check("content", INCONCLUSIVE, "there is nothing to compare with")
    faults = [
        f"{table.full_name} holds other rows than before"
        for table in then
        if table.full_name not in there or there[table.full_name].content != table.content
    ]
    return _judge("content", faults, f"{len(then)} tables hold what they held", tables=len(then))


def lookups(tables: Iterable[Table]) -> list[sql.Composable]:
    """A fixed set of queries that an application of any kind makes: the first rows by primary key."""
    return [
        sql.SQL("SELECT * FROM {} ORDER BY {} LIMIT 20").format(
            table.identifier, sql.SQL(", ").join(map(sql.Identifier, table.key))
        )
        for table in tables
        if table.key
    ]
