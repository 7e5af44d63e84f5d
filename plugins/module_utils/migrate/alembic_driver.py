"""Alembic, through its own Python API and the project's own ``env.py``."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..journal import Journal
from ..postgres.errors import in_words
from .judge import judge, judge_down
from .model import Finding, Interrupted, Migration, MigrationError, Status, Step
from .plan import pending_up_to, steps_down, where
from .postgres_executor import PostgresExecutor

__all__ = ["AlembicDriver"]

_IDENTITY = (
    "SELECT oid::text || ' ' || pg_postmaster_start_time()::text FROM pg_database"
    " WHERE datname = current_database()"
)


class AlembicDriver:
    """See ``driver.Driver``. ``path`` holds ``alembic.ini``, or is itself the folder with ``env.py``.

    ``env.py`` is run as it is, and gets the address in ``sqlalchemy.url``. What it connects to is compared
    with the database of ``executor`` before anything is done there.
    """

    def __init__(
        self,
        path: Path,
        executor: PostgresExecutor,
        journal: Journal,
        *,
        table: str = "alembic_version",
        component: str = "",
        wait: float = 10.0,
    ) -> None:
        self._path = path
        self._executor = executor
        self._journal = journal
        self._table = table
        self._component = component
        self._wait = wait
        self._migrations: list[Migration] | None = None

    def available(self) -> list[Migration]:
        if self._migrations is None:
            with _told(self._path):
                scripts = self._scripts()
                revisions = list(reversed(list(scripts.walk_revisions())))
                for revision in revisions:
                    if len(revision._all_down_revisions) > 1 or len(scripts.get_heads()) > 1:
                        raise MigrationError(
                            f"{self._path}: the history branches (heads {', '.join(scripts.get_heads())}),"
                            " so there is no one order to go back in: use alembic itself"
                        )
                self._migrations = [_migration(revision) for revision in revisions]
        return self._migrations

    def _config(self) -> Config:
        ini = self._path / "alembic.ini"
        if ini.exists():
            config = Config(str(ini))
            # Read it, then keep env.py from setting up logging anew for the whole process.
            _ = config.file_config
            config.config_file_name = None
        elif (self._path / "env.py").exists():
            config = Config()
            config.set_main_option("script_location", str(self._path))
        else:
            raise MigrationError(f"{self._path}: there is neither an alembic.ini nor an env.py")
        config.stdout = io.StringIO()
        return config

    def _scripts(self) -> ScriptDirectory:
        return ScriptDirectory.from_config(self._config())

    def status(self) -> Status:
        ids = [migration.id for migration in self.available()]
        current = self._current()
        if len(current) > 1:
            raise MigrationError(
                f"{self._table} holds several revisions ({', '.join(current)}): merge them with alembic"
            )
        if not current:
            return where(self.available(), (), str(self._path))
        if current[0] not in ids:
            status = where(self.available(), current, str(self._path))
            return Status(status.applied, (), None, status.problems)
        return where(self.available(), ids[: ids.index(current[0]) + 1], str(self._path))

    def _current(self) -> list[str]:
        if not self._executor.rows("SELECT to_regclass(%s) IS NOT NULL", (self._table,))[0][0]:
            return []
        return [str(row[0]) for row in self._executor.rows(f"SELECT version_num FROM {self._table}")]  # noqa: S608

    def judge(self, ids: Iterable[str]) -> list[Finding]:
        return judge(self.available(), ids, "postgres")

    def plan_down(self, to: str | None) -> list[Step]:
        return [
            Step(migration, tuple(judge_down(self.available(), migration, "postgres")), True)
            for migration in steps_down(self.available(), self.status(), to)
        ]

    def down(self, to: str | None) -> list[str]:
        done = []
        with self._executor.exclusive([self._lock()], self._wait):
            for step in self.plan_down(to):
                ids = [migration.id for migration in self.available()]
                at = ids.index(step.migration.id)
                self._run(step.migration, "down", ids[at - 1] if at else None)
                done.append(step.migration.id)
        return done

    def up(self, to: str | None = None) -> list[str]:
        done = []
        with self._executor.exclusive([self._lock()], self._wait):
            for migration in pending_up_to(self.available(), self.status(), to):
                self._run(migration, "up", migration.id)
                done.append(migration.id)
        return done

    def _lock(self) -> int:
        name = self._executor.rows("SELECT current_database()")[0][0]
        digest = hashlib.sha256(f"knowngood migrations {name} {self._table}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)

    def _run(self, migration: Migration, way: str, goal: str | None) -> None:
        fields = {"component": self._component or None, "migration": migration.id, "way": way}
        began = time.monotonic()
        self._journal.write("migration.start", **fields, file=migration.file, transaction=True)
        error = ""
        try:
            self._environment(way, goal)
        except MigrationError as failure:
            error = str(failure)
        reached = self._current()
        ok = reached == ([goal] if goal else [])
        if not ok and not error:
            error = f"env.py ran, and {self._table} does not hold {goal or 'nothing'}: does it commit?"
        self._journal.write(
            "migration.end", **fields, ok=ok, error=error or None, seconds=round(time.monotonic() - began, 4)
        )
        if not ok:
            raise MigrationError(f"{migration.file} ({migration.id}, {way}): {error}; nothing of it was done")

    def _environment(self, way: str, goal: str | None) -> None:
        config = self._config()
        info = self._executor.connect()
        try:
            config.set_main_option("sqlalchemy.url", _url(info).replace("%", "%%"))
        finally:
            info.close()
        scripts = ScriptDirectory.from_config(config)
        expected = self._executor.rows(_IDENTITY)[0][0]

        def steps(revision: Any, context: MigrationContext) -> Any:
            self._check(context, expected)
            if way == "down":
                return scripts._downgrade_revs(goal or "base", revision)
            return scripts._upgrade_revs(goal or "heads", revision)

        with _told(self._path), EnvironmentContext(config, scripts, fn=steps, destination_rev=goal or "base"):
            scripts.run_env()

    def _check(self, context: MigrationContext, expected: str) -> None:
        connection = context.connection
        if connection is None or connection.exec_driver_sql(_IDENTITY).scalar() != expected:
            raise MigrationError(
                f"{self._path}: env.py connects to another database than the inventory declares;"
                " let it use sqlalchemy.url"
            )
        for name, seconds in (
            ("lock_timeout", self._executor.lock_timeout),
            ("statement_timeout", self._executor.statement_timeout),
        ):
            connection.exec_driver_sql(f"SET {name} = {int(seconds * 1000)}")


def _url(connection: Any) -> str:
    """The address of a connection, password included: for env.py only, never shown."""
    parameters = connection.get_dsn_parameters()
    query = {
        name: value
        for name, value in parameters.items()
        if name not in ("user", "password", "dbname", "host", "port") and value
    }
    host = parameters.get("host", "")
    if host.startswith("/"):
        query["host"], host = host, ""
    return URL.create(
        "postgresql+psycopg2",
        username=parameters.get("user"),
        password=connection.info.password or None,
        host=host or None,
        port=int(parameters["port"]) if parameters.get("port") else None,
        database=parameters.get("dbname"),
        query=query,
    ).render_as_string(hide_password=False)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Alembic's and SQLAlchemy's errors, and those of the project's own code, in one line."""
    try:
        yield
    except MigrationError:
        raise
    except CommandError as error:
        raise MigrationError(f"{path}: Alembic refused: {error}") from None
    except DBAPIError as error:
        kind = Interrupted if error.connection_invalidated else MigrationError
        raise kind(f"PostgreSQL refused: {in_words(str(error.orig))}") from None
    except SQLAlchemyError as error:
        raise MigrationError(f"{path}: {str(error).partition(chr(10))[0]}") from None
    except Exception as error:
        raise MigrationError(f"{path}: its code raised {type(error).__name__}: {error}") from None


def _migration(revision: Script) -> Migration:
    up, unreadable_up = _sql(revision.module.upgrade)
    down, unreadable_down = _sql(revision.module.downgrade)
    missing = not unreadable_down and not (down or "").strip() and bool((up or unreadable_up).strip())
    return Migration(
        revision.revision,
        revision.doc or revision.revision,
        up or "",
        None if missing or down is None else down,
        revision.path,
        revision.path,
        unreadable_up=unreadable_up,
        unreadable_down=unreadable_down,
    )


def _sql(function: Callable[[], None]) -> tuple[str | None, str]:
    """What a revision's function does as SQL, or why that is not known. ``None``: it refuses to act."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written, "literal_binds": True}
    )
    try:
        with Operations.context(context):
            function()
    except NotImplementedError:
        return None, ""
    except Exception as error:
        return (
            "",
            f"it is Python that asks the database, so its SQL is not known ({type(error).__name__}: {error})",
        )
    return written.getvalue(), ""
