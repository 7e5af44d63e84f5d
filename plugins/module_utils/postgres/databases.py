"""Whole databases of a server: what one is like, making another like it, marking and dropping them.

Everything goes through a connection to another database of the server, in autocommit.

A mark is JSON in a database's comment: what a run is doing with it, so that the next run knows after a
kill. The comment that was there before is kept inside the mark and put back with it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg2
from psycopg2 import sql

from .connect import Connection
from .errors import DatabaseError, in_words

__all__ = [
    "Database",
    "beside",
    "create",
    "drop",
    "lock",
    "look",
    "mark_sql",
    "names",
    "stamp",
    "terminate",
]

MARK = "knowngood"
# Seconds after which a server knows that a killed client is gone.
NOTICED = 3.0
_LONGEST_NAME = 63
_LOCALE = ("LC_COLLATE", "LC_CTYPE", "LOCALE_PROVIDER", "ICU_LOCALE", "BUILTIN_LOCALE", "ICU_RULES")


@dataclass(frozen=True)
class Database:
    """A row of pg_database, and what hangs on it.

    ``settings`` are (role or ``None``, name, value); ``grants`` are (role or ``None`` for PUBLIC, privilege,
    grantable), ``None`` when the privileges are the default ones.
    """

    oid: int
    name: str
    owner: str
    encoding: str
    locale: tuple[tuple[str, str], ...]
    tablespace: str
    allow_connections: bool
    connection_limit: int
    comment: str | None
    settings: tuple[tuple[str | None, str, str], ...]
    grants: tuple[tuple[str | None, str, bool], ...] | None
    size: int

    @property
    def mark(self) -> dict[str, Any] | None:
        """What a run of ours wrote on it."""
        try:
            told = json.loads(self.comment or "")[MARK]
        except (ValueError, TypeError, KeyError):
            return None
        return told if isinstance(told, dict) else None

    @property
    def own_comment(self) -> str | None:
        """The comment without our mark."""
        mark = self.mark
        return self.comment if mark is None else mark.get("comment")

    def setting(self, name: str) -> str | None:
        """A setting for all roles."""
        return next((value for role, key, value in self.settings if role is None and key == name), None)


_LOOK = """
SELECT d.oid, d.datname, pg_catalog.pg_get_userbyid(d.datdba), pg_catalog.pg_encoding_to_char(d.encoding),
  pg_catalog.to_jsonb(d), t.spcname, d.datallowconn, d.datconnlimit,
  pg_catalog.shobj_description(d.oid, 'pg_database'),
  ARRAY(SELECT ARRAY[CASE s.setrole WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(s.setrole)::text END,
                     pg_catalog.split_part(c, '=', 1),
                     pg_catalog.substr(c, pg_catalog.strpos(c, '=') + 1)]
        FROM pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) c WHERE s.setdatabase = d.oid),
  CASE WHEN d.datacl IS NOT NULL THEN ARRAY(SELECT ARRAY[
        CASE a.grantee WHEN 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee)::text END,
        a.privilege_type, a.is_grantable::text] FROM pg_catalog.aclexplode(d.datacl) a) END,
  CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') THEN pg_catalog.pg_database_size(d.oid)
       ELSE 0 END
FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = %s
"""


def stamp(moment: datetime) -> str:
    """A moment as part of a name that needs no quotes: ``20261124_223500_123``, UTC."""
    return f"{moment.astimezone(UTC):%Y%m%d_%H%M%S_%f}"[:-3]


def beside(database: str, what: str, moment: datetime) -> str:
    """The name of a database that belongs to another: ``shop_before_20261124_223500_123``."""
    ending = f"_{what}_{stamp(moment)}"
    return database.encode()[: _LONGEST_NAME - len(ending)].decode(errors="ignore") + ending


def look(connection: Connection, name: str) -> Database | None:
    """The database of that name, or ``None``."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK, (name,))
        row = cursor.fetchone()
    if row is None:
        return None
    oid, name, owner, encoding, options, tablespace, allow, limit, comment, settings, grants, size = row
    return Database(
        oid=oid,
        name=name,
        owner=owner,
        encoding=encoding,
        locale=_locale(options),
        tablespace=tablespace,
        allow_connections=allow,
        connection_limit=limit,
        comment=comment,
        settings=tuple((role, key, value) for role, key, value in settings),
        grants=None
        if grants is None
        else tuple((role, privilege, may == "true") for role, privilege, may in grants),
        size=size,
    )


def names(connection: Connection, prefix: str = "") -> list[str]:
    """The databases whose names begin so."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT datname FROM pg_catalog.pg_database WHERE pg_catalog.starts_with(datname, %s) ORDER BY 1",
            (prefix,),
        )
        return [name for (name,) in cursor]


def create(
    connection: Connection,
    name: str,
    *,
    encoding: str,
    locale: Iterable[Sequence[str]],
    owner: str | None = None,
    tablespace: str | None = None,
    mark: dict[str, Any],
) -> None:
    """An empty database with a mark. ``locale`` as in :class:`Database`. Raises DatabaseError."""
    options = [sql.SQL("TEMPLATE template0 ENCODING {}").format(sql.Literal(encoding))]
    options += [sql.SQL(key + " {}").format(sql.Literal(value)) for key, value in locale if key in _LOCALE]
    # Naming the default tablespace needs a privilege that using it does not.
    elsewhere = None if tablespace == "pg_default" else tablespace
    for keyword, value in (("OWNER", owner), ("TABLESPACE", elsewhere)):
        if value is not None:
            options.append(sql.SQL(keyword + " {}").format(sql.Identifier(value)))
    statement = sql.SQL("CREATE DATABASE {} {}").format(sql.Identifier(name), sql.SQL(" ").join(options))
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            cursor.execute(mark_sql(name, mark, None))
    except psycopg2.Error as error:
        raise DatabaseError(f"cannot create database {name}: {in_words(error)}") from error


def drop(connection: Connection, name: str) -> None:
    """Drops a database, whoever is connected to it. No error when it is not there."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    except psycopg2.Error as error:
        raise DatabaseError(f"cannot drop database {name}: {in_words(error)}") from error


def mark_sql(name: str, mark: dict[str, Any] | None, comment: str | None) -> sql.Composable:
    """The statement that writes a mark over a comment, or with ``None`` puts the comment back."""
    text = comment
    if mark is not None:
        told = mark if comment is None else {**mark, "comment": comment}
        text = json.dumps({MARK: told}, sort_keys=True)
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(text))


def terminate(connection: Connection, name: str) -> int:
    """Ends every session in a database; how many there were. Open transactions are rolled back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_activity"
            " WHERE datname = %s AND pid <> pg_catalog.pg_backend_pid()",
            (name,),
        )
        return int((cursor.fetchone() or (0,))[0])


def lock(connection: Connection, name: str, *, patience: float = 0.0) -> bool:
    """Claims a name for as long as the connection lives; false when another living run has it.

    ``patience`` (seconds) is for a run that was just killed. The claim counts among connections to the
    same database, so all use the same maintenance database.
    """
    deadline = time.monotonic() + patience
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_catalog.pg_try_advisory_lock(pg_catalog.hashtextextended(%s, 0))",
                (f"{MARK} {name}",),
            )
            if (cursor.fetchone() or (False,))[0]:
                return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)


def _locale(row: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """As CREATE DATABASE wants it; the columns differ between PostgreSQL versions."""
    options = [("LC_COLLATE", row["datcollate"]), ("LC_CTYPE", row["datctype"])]
    provider = {"i": "icu", "b": "builtin"}.get(row.get("datlocprovider", "c"))
    locale = row.get("datlocale") or row.get("daticulocale")
    if provider and locale:
        options += [("LOCALE_PROVIDER", provider), (f"{provider.upper()}_LOCALE", locale)]
        if row.get("daticurules"):
            options.append(("ICU_RULES", row["daticurules"]))
    return tuple(options)
