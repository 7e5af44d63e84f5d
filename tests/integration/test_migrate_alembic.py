"""Alembic itself, with the env.py that `alembic init` writes, on real PostgreSQL servers."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import alembic
import psycopg2
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from plugins.module_utils.migrate.driver import Driver, open_driver
from plugins.module_utils.migrate.model import Busy, Kind, MigrationError, MissingDown, worst
from plugins.module_utils.migrate.postgres_executor import PostgresExecutor
from tests.support.journal import journal
from tests.support.postgres import Postgres, versions

# What differs between servers is tested with the other drivers.
pytestmark = pytest.mark.parametrize("postgres", versions()[:1], indirect=True)

TEMPLATE = Path(alembic.__file__).parent / "templates" / "generic"

REVISIONS = (
    (
        "a1",
        "users",
        "op.create_table('users', sa.Column('id', sa.Integer), sa.Column('email', sa.Text))",
        "op.drop_table('users')",
    ),
    ("b2", "name", "op.add_column('users', sa.Column('name', sa.Text))", "op.drop_column('users', 'name')"),
    (
        "c3",
        "rename",
        "op.alter_column('users', 'email', new_column_name='mail')",
        "op.alter_column('users', 'mail', new_column_name='email')",
    ),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """What `alembic init` makes, with three revisions."""
    folder = tmp_path / "project"
    config = Config()
    config.set_main_option("script_location", str(folder / "alembic"))
    (folder / "alembic" / "versions").mkdir(parents=True)
    shutil.copy(TEMPLATE / "env.py", folder / "alembic" / "env.py")
    (folder / "alembic.ini").write_text(
        f"[alembic]\nscript_location = {folder}/alembic\nsqlalchemy.url = driver://user:pass@localhost/dbname\n"
    )
    for at, (id_, name, up, down) in enumerate(REVISIONS):
        revision(folder, id_, name, up, down, REVISIONS[at - 1][0] if at else None)
    assert ScriptDirectory.from_config(config).get_heads() == ["c3"]
    return folder


def revision(folder: Path, id_: str, name: str, up: str, down: str, after: str | None) -> None:
    (folder / "alembic" / "versions" / f"{id_}_{name}.py").write_text(
        f'"""{name}"""\nimport sqlalchemy as sa\nfrom alembic import op\n\n'
        f"revision = {id_!r}\ndown_revision = {after!r}\n\n"
        f"def upgrade():\n    {up}\n\ndef downgrade():\n    {down}\n"
    )


@pytest.fixture
def opened(postgres: Postgres, database: str, project: Path, tmp_path: Path) -> Iterator[Any]:
    executors = []

    def open_(lock_timeout: float = 5.0, path: Path = project) -> Driver:
        executor = PostgresExecutor(postgres.server(database), lock_timeout=lock_timeout)
        executors.append(executor)
        return open_driver("alembic", path, executor, journal(tmp_path), wait=0.3)

    yield open_
    for executor in executors:
        executor.close()


def test_up_and_down(postgres: Postgres, database: str, opened: Any, project: Path) -> None:
    driver = opened()
    assert driver.status().pending == ("a1", "b2", "c3")
    assert driver.up() == ["a1", "b2", "c3"]
    assert postgres.sql(database, "SELECT * FROM alembic_version") == [("c3",)]
    assert driver.status().applied == ("a1", "b2", "c3")
    assert [str(finding.kind) for finding in driver.judge(["c3", "b2"])] == ["reversible", "additive"]
    steps = driver.plan_down("a1")
    assert [(step.migration.id, worst(step.findings)) for step in steps] == [
        ("c3", Kind.REVERSIBLE),
        ("b2", Kind.LOSSY),
    ]
    assert driver.down("a1") == ["c3", "b2"]
    assert postgres.columns(database, "users") == ["email", "id"]
    assert driver.down("a1") == []
    assert opened(path=project / "alembic").down(None) == ["a1"]
    assert driver.up("b2") == ["a1", "b2"]


def test_missing_ways_down(postgres: Postgres, database: str, opened: Any, project: Path) -> None:
    revision(project, "d4", "more", "op.execute('CREATE TABLE more ()')", "pass", "c3")
    revision(project, "e5", "last", "op.execute('CREATE TABLE last ()')", "raise NotImplementedError", "d4")
    driver = opened()
    driver.up()
    with pytest.raises(MissingDown, match=r"e5 \(expected in .*e5_last\.py\), d4 \(expected"):
        driver.down("a1")
    assert driver.status().applied[-1] == "e5"


def test_python_that_asks_the_database_is_not_known_and_is_run(
    postgres: Postgres, database: str, opened: Any, project: Path
) -> None:
    asks = (
        "found = op.get_bind().execute(sa.text('SELECT id FROM users'))\n"
        "    for row in found: op.execute(f'DELETE FROM users WHERE id = {row.id}')"
    )
    revision(project, "d4", "asks", asks, asks, "c3")
    driver = opened()
    driver.up()
    finding = driver.judge(["d4"])[0]
    assert finding.kind is Kind.IRREVERSIBLE
    assert "Python that asks the database" in finding.reason
    assert worst(driver.plan_down("c3")[0].findings) is Kind.IRREVERSIBLE
    assert driver.down("c3") == ["d4"]


def test_a_step_that_fails_leaves_nothing_behind(
    postgres: Postgres, database: str, opened: Any, project: Path
) -> None:
    bad = "op.drop_column('users', 'mail'); op.drop_table('never_there')"
    revision(project, "d4", "bad", "op.execute('SELECT 1')", bad, "c3")
    driver = opened()
    driver.up()
    with pytest.raises(
        MigrationError, match=r"d4_bad\.py \(d4, down\): .*never_there.* nothing of it was done"
    ):
        driver.down("a1")
    assert postgres.columns(database, "users") == ["id", "mail", "name"]
    assert driver.status().applied[-1] == "d4"


def test_env_py_that_connects_elsewhere_is_not_let_through(
    postgres: Postgres, database: str, opened: Any, project: Path
) -> None:
    opened().up()
    other = f"{database}_other"
    postgres.sql("postgres", f"CREATE DATABASE {other}")
    env = project / "alembic" / "env.py"
    url = postgres.instance.dsn(other).replace("postgresql:", "postgresql+psycopg2:").replace("%", "%%")
    env.write_text(
        env.read_text().replace(
            "config = context.config",
            f"config = context.config\nconfig.set_main_option('sqlalchemy.url', {url!r})",
        )
    )
    with pytest.raises(
        MigrationError, match=r"env\.py connects to another database than the inventory declares"
    ):
        opened().down("a1")
    assert postgres.columns(database, "users") == ["id", "mail", "name"]
    postgres.sql("postgres", f"DROP DATABASE {other} WITH (FORCE)")


def test_a_table_that_others_hold(postgres: Postgres, database: str, opened: Any) -> None:
    driver = opened(lock_timeout=0.3)
    driver.up()
    holder = psycopg2.connect(postgres.instance.dsn(database))
    with holder.cursor() as cursor:
        cursor.execute("LOCK TABLE users IN ACCESS SHARE MODE")
        with pytest.raises(
            MigrationError, match=r"c3_rename\.py .*a lock was not free in time.*nothing of it"
        ):
            driver.down("a1")
    holder.close()
    assert driver.down("a1") == ["c3", "b2"]


def test_one_runner_at_a_time(postgres: Postgres, database: str, opened: Any, project: Path) -> None:
    revision(project, "d4", "slow", "op.execute('SELECT 1')", "op.execute('SELECT pg_sleep(1)')", "c3")
    first, second = opened(), opened()
    first.up()
    other = threading.Thread(target=lambda: first.down("c3"))
    other.start()
    with pytest.raises(Busy, match="somebody else has been migrating"):
        while True:
            second.down("c3")
            if not second.plan_down("c3"):
                break
    other.join()
    assert second.status().applied[-1] == "c3"


def test_histories_that_are_not_one_line(opened: Any, project: Path, tmp_path: Path) -> None:
    revision(project, "d4", "left", "pass", "pass", "b2")
    with pytest.raises(MigrationError, match=r"the history branches \(heads c3, d4\)"):
        opened().status()
    with pytest.raises(MigrationError, match=r"neither an alembic\.ini nor an env\.py"):
        opened(path=tmp_path).status()
    (project / "alembic" / "versions" / "d4_left.py").write_text("import nothing_like_it\n")
    with pytest.raises(MigrationError, match="its code raised ModuleNotFoundError"):
        opened().status()


def test_a_revision_that_is_not_here(postgres: Postgres, database: str, opened: Any, project: Path) -> None:
    opened().up()
    (project / "alembic" / "versions" / "c3_rename.py").unlink()
    driver = opened()
    assert "c3 is applied, and" in driver.status().problems[0]
    with pytest.raises(MigrationError):
        driver.down("a1")
