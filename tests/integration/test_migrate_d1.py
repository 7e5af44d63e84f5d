"""Wrangler applies D1 migrations in the local Cloudflare, and they are taken down again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloudflare.launch import Instance, start
from plugins.module_utils.cloudflare.client import Client
from plugins.module_utils.cloudflare.d1 import D1
from plugins.module_utils.migrate.d1_executor import D1Executor
from plugins.module_utils.migrate.driver import Driver, open_driver
from plugins.module_utils.migrate.model import MigrationError
from tests.support.journal import journal
from tests.support.migrations import write
from tests.support.wrangler import VERSIONS, Wrangler

FILES = {
    "0001_users.sql": """CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);
INSERT INTO users (email) VALUES ('a');""",
    "0002_name.sql": "ALTER TABLE users ADD COLUMN name TEXT;",
    "0003_rename.sql": "ALTER TABLE users RENAME COLUMN email TO mail;",
    "down/0002_name.sql": "UPDATE users SET name = NULL;\nALTER TABLE users DROP COLUMN name; -- away",
    "down/0003_rename.sql": "ALTER TABLE users RENAME COLUMN mail TO email;",
}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with start(tmp_path_factory.mktemp("cloudflare")) as running:
        yield running


@pytest.mark.parametrize("version", VERSIONS)
def test_wrangler_up_and_we_down(instance: Instance, tmp_path: Path, version: str) -> None:
    name = f"users-{version.replace('.', '-')}"
    events = journal(tmp_path)
    client = Client(instance.api_url, instance.api_token, instance.account_id, events)
    uuid = client.write("d1/database", {"name": name})["uuid"]
    write(tmp_path / "migrations", **FILES)
    (tmp_path / "wrangler.toml").write_text(
        f'name = "x"\ncompatibility_date = "2025-01-01"\n[[d1_databases]]\nbinding = "DB"\n'
        f'database_name = "{name}"\ndatabase_id = "{uuid}"\n'
    )
    wrangler = Wrangler(version, instance, tmp_path)
    wrangler("d1", "migrations", "apply", name, "--remote")
    d1 = D1(client, name)
    driver: Driver = open_driver("d1", tmp_path / "migrations", D1Executor(d1), events)
    assert driver.status().applied == ("0001_users.sql", "0002_name.sql", "0003_rename.sql")
    assert driver.down("0001_users.sql") == ["0003_rename.sql", "0002_name.sql"]
    assert d1.query("SELECT * FROM users") == [{"id": 1, "email": "a"}]
    listed = wrangler("d1", "migrations", "list", name, "--remote")
    assert "0002_name.sql" in listed and "0003_rename.sql" in listed and "0001_users.sql" not in listed
    assert driver.up() == ["0002_name.sql", "0003_rename.sql"]
    assert "No migrations to apply" in wrangler("d1", "migrations", "list", name, "--remote")


def test_a_step_that_fails_leaves_nothing_behind(instance: Instance, tmp_path: Path) -> None:
    client = Client(instance.api_url, instance.api_token, instance.account_id, journal(tmp_path))
    client.write("d1/database", {"name": "broken"})
    bad = {"down/0003_rename.sql": "ALTER TABLE users RENAME COLUMN mail TO email;\nDROP TABLE never_there;"}
    d1 = D1(client, "broken")
    driver = open_driver("d1", write(tmp_path / "m", **FILES | bad), D1Executor(d1), journal(tmp_path))
    driver.up()
    with pytest.raises(MigrationError, match=r"down/0003_rename\.sql .*no such table: never_there"):
        driver.down("0002_name.sql")
    assert d1.query("SELECT mail FROM users") == [{"mail": "a"}]
    assert driver.status().applied[-1] == "0003_rename.sql"
