"""Where a database is, and connections to it that wait for nothing forever."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn, parse_dsn

from .errors import Away, DatabaseError, in_words, is_away

__all__ = ["Connection", "Identity", "Server", "check_identity", "connect", "identity", "session"]

APPLICATION = "knowngood"
CONNECT_TIMEOUT = 10
STATEMENT_TIMEOUT = 600.0
LOCK_TIMEOUT = 5.0
_OLDEST = 140000
# libpq's names, for the tools; a password in the environment is seen by nobody but this user.
_ENVIRONMENT = {
    "host": "PGHOST",
    "hostaddr": "PGHOSTADDR",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "passfile": "PGPASSFILE",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslcrl": "PGSSLCRL",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "krbsrvname": "PGKRBSRVNAME",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
    "options": "PGOPTIONS",
}


@dataclass(frozen=True)
class Server:
    """One database's address. Its text is safe to show; its password is only in ``parameters``."""

    parameters: Mapping[str, str] = field(repr=False)
    maintenance_name: str = "postgres"
    is_direct: bool = False

    @classmethod
    def of(
        cls,
        dsn: str = "",
        *,
        maintenance_name: str = "postgres",
        is_direct: bool = False,
        **keywords: str | int | None,
    ) -> Server:
        """From a connection string (URL or ``key=value``), keywords, or both; keywords win.

        ``maintenance_name`` is another database of the server, from which this one can be renamed.
        ``is_direct`` vouches that what stands in between, if anything does, keeps one session per connection.

        Host, user and database must be named, so that a forgotten variable does not quietly mean
        "the server on this machine". Raises DatabaseError.
        """
        given = {name: value for name, value in keywords.items() if value is not None}
        try:
            parameters = parse_dsn(make_dsn(dsn or None, **given))
        except (psycopg2.ProgrammingError, TypeError):
            # libpq quotes the string in its error, password included.
            raise DatabaseError(
                "postgres_dsn is not a connection string: write postgresql://user@host:5432/name"
            ) from None
        for name in ("host", "user", "dbname"):
            if not parameters.get(name) and not (name == "host" and parameters.get("hostaddr")):
                raise DatabaseError(f"postgres_dsn names no {name}: write postgresql://user@host:5432/name")
        if parameters["dbname"] == maintenance_name:
            raise DatabaseError(
                f"{maintenance_name} is the maintenance database: name the application's in postgres_dsn, or "
                "set postgres_maintenance_database to another"
            )
        return cls({name: str(value) for name, value in parameters.items()}, maintenance_name, is_direct)

    @property
    def name(self) -> str:
        return self.parameters["dbname"]

    @property
    def host(self) -> str:
        return self.parameters.get("host") or self.parameters["hostaddr"]

    @property
    def secrets(self) -> list[str]:
        """What must not be shown, for a Redactor."""
        return [self.parameters[name] for name in ("password", "sslpassword") if name in self.parameters]

    def database(self, name: str) -> Server:
        """Another database of the same server."""
        return replace(self, parameters={**self.parameters, "dbname": name})

    @property
    def maintenance(self) -> Server:
        """The database from which others are renamed, fenced, created and dropped."""
        return self.database(self.maintenance_name)

    def environment(self) -> dict[str, str]:
        """The address as libpq's environment variables, password included."""
        known = {_ENVIRONMENT[name]: value for name, value in self.parameters.items() if name in _ENVIRONMENT}
        return {**known, "PGAPPNAME": APPLICATION, "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT)}

    def __str__(self) -> str:
        port = self.parameters.get("port", "5432")
        return f"postgresql://{self.parameters['user']}@{self.host}:{port}/{self.name}"


@dataclass(frozen=True)
class Identity:
    """Which database it is, as it says itself.

    ``system_identifier`` is ``None`` where the server does not tell (some managed ones).
    """

    name: str
    system_identifier: str | None
    is_primary: bool
    server_version: int
    host: str
    is_superuser: bool

    @property
    def major(self) -> int:
        return self.server_version // 10000


def connect(
    server: Server,
    *,
    statement_timeout: float = STATEMENT_TIMEOUT,
    lock_timeout: float = LOCK_TIMEOUT,
    read_only: bool = False,
    autocommit: bool = False,
) -> Connection:
    """A connection on which nothing waits longer than the timeouts (seconds). Raises DatabaseError, :class:`Away`.

    Settings that change how values are written as text are fixed, so that the same data has the same text
    on every server.
    """
    parameters: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT, **server.parameters}
    parameters.setdefault("fallback_application_name", APPLICATION)
    parameters.setdefault("keepalives_idle", 10)
    parameters.setdefault("keepalives_interval", 5)
    parameters.setdefault("keepalives_count", 3)
    try:
        opened: Connection = psycopg2.connect(**parameters)
    except psycopg2.Error as error:
        kind = Away if is_away(error) else DatabaseError
        raise kind(f"cannot connect to {server}: {in_words(error)}") from None
    try:
        opened.autocommit = True
        _refuse(opened, server)
        settings = {
            "application_name": APPLICATION,
            "statement_timeout": f"{int(statement_timeout * 1000)}ms",
            "lock_timeout": f"{int(lock_timeout * 1000)}ms",
            "idle_in_transaction_session_timeout": "0",
            # A statement of ours must not run on after we were killed.
            "client_connection_check_interval": "2s",
            # Nor may our locks outlive this machine for the two hours that are usual.
            "tcp_keepalives_idle": "10",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "3",
            "row_security": "off",
            "jit": "off",
            "TimeZone": "GMT",
            "DateStyle": "ISO, YMD",
            "IntervalStyle": "postgres",
            "extra_float_digits": "1",
            "bytea_output": "hex",
            "search_path": "",
            "default_transaction_read_only": "on" if read_only else "off",
        }
        with opened.cursor() as cursor:
            one = "pg_catalog.set_config(%s, %s, false)"
            cursor.execute(
                "SELECT " + ", ".join([one] * len(settings)),
                [text for setting in settings.items() for text in setting],
            )
        opened.autocommit = autocommit
    except psycopg2.Error as error:
        opened.close()
        raise DatabaseError(f"cannot use {server}: {in_words(error)}") from None
    return opened


def _refuse(opened: Connection, server: Server) -> None:
    """Before anything is set: through a pooler it would stay behind in the application's sessions."""
    version = opened.info.server_version
    if version < _OLDEST:
        opened.close()
        raise DatabaseError(f"cannot use {server}: PostgreSQL {version // 10000} is older than 14")
    with opened.cursor() as cursor:
        cursor.execute("SELECT pg_catalog.pg_backend_pid()")
        (backend,) = cursor.fetchone() or (None,)
    if backend != opened.info.backend_pid and not server.is_direct:
        opened.close()
        raise DatabaseError(
            f"cannot use {server}: a connection pooler answers there; postgres_dsn must name the server "
            "itself (if this is a plain proxy and no pooler, set postgres_direct)"
        )


@contextmanager
def session(server: Server, **options: Any) -> Iterator[Connection]:
    """A connection as in :func:`connect` that is closed at the end; psycopg2's errors come in words."""
    opened = connect(server, **options)
    try:
        yield opened
    except psycopg2.Error as error:
        raise DatabaseError(f"{server}: {in_words(error)}") from error
    finally:
        opened.close()


def identity(connection: Connection, server: Server) -> Identity:
    """What the database says of itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_catalog.current_database(), NOT pg_catalog.pg_is_in_recovery(),"
            " r.rolsuper,"
            " pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute')"
            " FROM pg_catalog.pg_roles r WHERE r.rolname = CURRENT_USER"
        )
        name, is_primary, is_superuser, tells = cursor.fetchone() or ()
        system_identifier = None
        if tells:
            cursor.execute("SELECT system_identifier::text FROM pg_catalog.pg_control_system()")
            system_identifier = (cursor.fetchone() or (None,))[0]
    return Identity(
        name=name,
        system_identifier=system_identifier,
        is_primary=is_primary,
        server_version=connection.info.server_version,
        host=server.host,
        is_superuser=is_superuser,
    )


def check_identity(
    found: Identity, *, name: str, system_identifier: str | None = None, host: str | None = None
) -> None:
    """Before any write: is it the database that the inventory means, and its primary?

    Raises DatabaseError that names all that is wrong.
    """
    wrong = []
    if found.name != name:
        wrong.append(f"it is database {found.name}, not {name}")
    if host is not None and found.host != host:
        wrong.append(f"its host is {found.host}, not {host}")
    if system_identifier is not None and found.system_identifier != system_identifier:
        said = found.system_identifier or "not told"
        wrong.append(f"its system identifier is {said}, not {system_identifier}")
    if not found.is_primary:
        wrong.append("it is a standby: postgres_dsn must name the primary")
    if wrong:
        raise DatabaseError("this is not the declared database: " + "; ".join(wrong))
