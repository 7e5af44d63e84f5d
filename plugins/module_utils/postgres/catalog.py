"""The tables of a database that hold its data."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg2 import sql

from .connect import Connection

__all__ = ["Column", "Table", "tables"]


@dataclass(frozen=True)
class Column:
    """``type`` is as SQL writes it; ``generated`` columns follow from others and cannot be written."""

    name: str
    type: str
    generated: bool = False


@dataclass(frozen=True)
class Table:
    """A table that holds rows itself: partitions, not the partitioned table. ``key`` is the primary key."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    estimate: int

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def identifier(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.name)

    @property
    def own_rows(self) -> sql.Composable:
        """What follows ``FROM`` to read its own rows, without those of tables that inherit from it."""
        return sql.SQL("ONLY {}").format(self.identifier)

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


_TABLES = """
SELECT n.nspname, c.relname, greatest(c.reltuples, 0)::bigint,
  (SELECT array_agg(ARRAY[a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
                          a.attgenerated::text] ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT array_agg(a.attname::text ORDER BY pg_catalog.array_position(i.indkey::int2[], a.attnum))
   FROM pg_catalog.pg_index i
   JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey::int2[])
   WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"
"""


def tables(connection: Connection) -> list[Table]:
    """Every table with data of the application's, by name; without those that belong to extensions."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return [
            Table(
                schema=schema,
                name=table,
                columns=tuple(Column(name, kind, made != "") for name, kind, made in columns or ()),
                key=tuple(key or ()),
                estimate=estimate,
            )
            for schema, table, estimate, columns, key in cursor
        ]
