"""The psql script that puts exported rows back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from psycopg2 import sql

from .catalog import Table
from .compare import Pair

__all__ = ["SCRIPT", "write_script"]

SCRIPT = "put_back.sql"
_HEAD = """\
-- Puts rows back that were written after the moment to which the database went back.
-- In this folder:  psql -X -f put_back.sql "$DATABASE_URL"
-- Rows that are there already stay as they are. To bring back changed rows, and to repeat deletions, too:
--                  psql -X -v changed=1 -v deleted=1 -f put_back.sql "$DATABASE_URL"
-- Triggers of the tables run. All or nothing.
\\set ON_ERROR_STOP on
BEGIN;
SET LOCAL client_encoding = 'UTF8';
SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL TimeZone = 'GMT';
"""
_INSERT = (
    "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE\n"
    "  SELECT {values} FROM put_back p ON CONFLICT DO NOTHING;\n"
)
_UPDATE = "UPDATE ONLY {table} t SET ({names}) = ROW({values})\n  FROM put_back p WHERE {match};\n"
_DELETE = "DELETE FROM ONLY {table} t USING put_back p WHERE {match};\n"
_SETVAL = (
    "SELECT setval({sequence}, greatest((SELECT max({column})::bigint FROM {table}),\n"
    "  (SELECT last_value FROM {name})));\n"
)
_PARENTS = """
SELECT child.nspname || '.' || c.relname, parent.nspname || '.' || p.relname
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class c ON c.oid = f.conrelid
JOIN pg_catalog.pg_namespace child ON child.oid = c.relnamespace
JOIN pg_catalog.pg_class p ON p.oid = f.confrelid
JOIN pg_catalog.pg_namespace parent ON parent.oid = p.relnamespace
WHERE f.contype = 'f' AND f.conrelid <> f.confrelid
"""
_SEQUENCES = """
SELECT n.nspname || '.' || c.relname, a.attname, sn.nspname, s.relname
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
  AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
ORDER BY 1, 2
"""


def write_script(folder: Path, files: Mapping[tuple[str, str], Path], pair: Pair) -> Path:
    """Writes the script for CSV files per (table, kind) beside them: parents before their children.

    Values go through text columns, so that a type that only the newer database knows is no obstacle.
    """
    parts: list[sql.Composable] = [sql.SQL(_HEAD)]
    order = _parents_first(pair)
    for kind in ("inserted", "changed", "deleted"):
        for name in reversed(order) if kind == "deleted" else order:
            if (name, kind) in files:
                parts.append(_block(pair, name, kind, files[name, kind].name))
    parts += [*_sequences(pair, {name for name, kind in files if kind == "inserted"}), sql.SQL("COMMIT;\n")]
    script = folder / SCRIPT
    script.touch(mode=0o600)
    with pair.older.cursor() as cursor:
        script.write_text("".join(part.as_string(cursor) for part in parts), encoding="utf-8")
    return script


def _block(pair: Pair, name: str, kind: str, file: str) -> sql.Composable:
    newer, older = pair.newer_tables[name], pair.older_tables.get(name)
    key = pair.key(name)
    if older is None or (kind == "deleted" and not key):
        why = "the table is not there" if older is None else "the table has no key"
        return sql.SQL(f"-- {file}: by hand, {why}\n")
    loaded = key if kind == "deleted" else tuple(column.name for column in newer.columns)
    written = [column for column in older.columns if column.name in loaded and not column.generated]
    statement = sql.SQL({"inserted": _INSERT, "changed": _UPDATE, "deleted": _DELETE}[kind]).format(
        table=older.identifier,
        names=_comma(sql.Identifier(column.name) for column in written),
        values=_comma(_value(older, column.name) for column in written),
        match=sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("t", each), _value(older, each)) for each in key
        ),
    )
    table = sql.SQL("CREATE TEMP TABLE put_back ({});\n").format(
        _comma(sql.SQL("{} text").format(sql.Identifier(each)) for each in loaded)
    )
    copy = sql.SQL(f"\\copy put_back FROM '{file}' WITH (FORMAT csv, HEADER)\n")
    block = sql.Composed([table, copy, statement, sql.SQL("DROP TABLE put_back;\n")])
    if kind != "inserted":
        block = sql.Composed([sql.SQL(f"\\if :{{?{kind}}}\n"), block, sql.SQL("\\endif\n")])
    return block


def _value(table: Table, column: str) -> sql.Composable:
    return sql.SQL("{}::" + table.column(column).type).format(sql.Identifier("p", column))


def _comma(parts: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL(", ").join(parts)


def _sequences(pair: Pair, filled: set[str]) -> list[sql.Composable]:
    statements: list[sql.Composable] = []
    with pair.older.cursor() as cursor:
        cursor.execute(_SEQUENCES)
        for table, column, schema, sequence in cursor.fetchall():
            if table in filled and table in pair.older_tables:
                name = sql.Identifier(schema, sequence)
                statements.append(
                    sql.SQL(_SETVAL).format(
                        sequence=sql.Literal(name.as_string(cursor)),
                        column=sql.Identifier(column),
                        table=pair.older_tables[table].identifier,
                        name=name,
                    )
                )
    return statements


def _parents_first(pair: Pair) -> list[str]:
    needs: dict[str, set[str]] = {}
    with pair.older.cursor() as cursor:
        cursor.execute(_PARENTS)
        for child, parent in cursor:
            needs.setdefault(child, set()).add(parent)
    ordered: list[str] = []

    def add(name: str, above: tuple[str, ...]) -> None:
        if name in ordered or name in above:
            return
        for parent in sorted(needs.get(name, ())):
            add(parent, (*above, name))
        ordered.append(name)

    for name in sorted(pair.older_tables.keys() | pair.newer_tables.keys()):
        add(name, ())
    return ordered
