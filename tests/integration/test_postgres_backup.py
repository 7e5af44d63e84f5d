"""A backup is believed when it was restored and compared, and refused with its reason when it is not good."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from local_postgres.launch import start
from plugins.module_utils.postgres import backup, proof, restore
from plugins.module_utils.postgres.backup import Backup
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.postgres.errors import BackupRefused, DatabaseError
from tests.support.postgres import Postgres, events, journal, small_disk

HOUR = 3600.0


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[Server]:
    """A database that no test changes."""
    yield postgres.create("shop")
    postgres.sql("postgres", "DROP DATABASE shop WITH (FORCE)")


@pytest.fixture(scope="module")
def original(postgres: Postgres, shop: Server, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    folder = tmp_path_factory.mktemp("original")
    return backup.make(shop, folder / "backups", tools=postgres.tools, journal=journal(folder))


@pytest.fixture
def made(original: Backup, tmp_path: Path) -> Backup:
    """A backup of the shop, to be damaged."""
    return backup.read(shutil.copytree(original.path, tmp_path / "backups" / original.path.name))


@pytest.fixture(autouse=True)
def tidy(postgres: Postgres, shop: Server) -> Iterator[None]:
    yield
    for name in postgres.databases() - {"shop"}:
        postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def verify(postgres: Postgres, made: Backup, tmp_path: Path, **changes: object) -> Backup:
    asked = {
        "database": "shop",
        "system_identifier": made.manifest.system_identifier,
        "max_age": HOUR,
        "tools": postgres.tools,
    }
    return backup.verify(made.path, journal=journal(tmp_path), **{**asked, **changes})  # type: ignore[arg-type]


def refused(reason: str, postgres: Postgres, made: Backup, tmp_path: Path, **changes: object) -> str:
    with pytest.raises(BackupRefused) as error:
        verify(postgres, made, tmp_path, **changes)
    assert error.value.reason == reason
    return str(error.value)


def believe(made: Backup) -> Backup:
    """The backup with a manifest that fits what is there now: damage from before it was written."""
    path = made.path / backup.MANIFEST
    told = json.loads(path.read_text())
    told["files"] = {name: backup._sum(made.path / name) for name in told["files"]}
    path.write_text(json.dumps(told))
    return backup.read(made.path)


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_a_backup_is_proved_by_restoring_it(
    postgres: Postgres, shop: Server, tmp_path: Path, layout: str
) -> None:
    log = journal(tmp_path, secret=postgres.instance.password)
    made = backup.make(shop, tmp_path / "backups", tools=postgres.tools, journal=log, layout=layout)
    assert made.manifest.rows == 3500
    assert made.manifest.compression == ("zstd:3" if postgres.major >= 16 else "6")
    assert verify(postgres, made, tmp_path).id == made.id
    before = postgres.databases()
    shown = proof.prove(made, shop, tools=postgres.tools, journal=log)
    assert (shown.rows, shown.amcheck) == (3500, "clean")
    assert postgres.databases() == before
    assert backup.newest(tmp_path / "backups", "shop").path == made.path
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.path.rglob("*"))
    assert postgres.instance.password not in log.path.read_text() + (made.path / "manifest.json").read_text()


def test_counts_belong_to_the_dump_while_others_write(postgres: Postgres, tmp_path: Path) -> None:
    """Rows come in all the time; what is restored is exactly what the manifest says."""
    server = postgres.create("busy")
    writer = subprocess.Popen(
        [postgres.tools.folder / "psql", "-X", "-q"],
        env={**os.environ, **server.environment()},
        stdin=subprocess.PIPE,
        text=True,
    )
    assert writer.stdin
    writer.stdin.write("INSERT INTO audit_log (what) SELECT 'x' FROM pg_sleep(0.001);\n" * 1000)
    writer.stdin.flush()
    made = backup.make(server, tmp_path / "backups", tools=postgres.tools, journal=journal(tmp_path))
    writer.kill()
    writer.communicate()
    then = next(table.rows for table in made.manifest.tables if table.name == "audit_log")
    assert postgres.sql("busy", "SELECT count(*) FROM audit_log")[0][0] > then
    proof.prove(made, server, tools=postgres.tools, journal=journal(tmp_path))


def test_a_backup_truncated_anywhere_is_refused(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    whole = made.dump.read_bytes()
    manifest = (made.path / backup.MANIFEST).read_bytes()
    for place in range(20):
        made.dump.write_bytes(whole[: len(whole) * place // 20])
        said = refused("empty" if place == 0 else "truncated", postgres, made, tmp_path)
        assert str(made.dump) in said
        if place % 5 == 0:
            # Had it been cut short before its checksum was taken, the proof would find it.
            with pytest.raises(BackupRefused) as error:
                proof.prove(believe(made), shop, tools=postgres.tools, journal=journal(tmp_path))
            assert error.value.reason == "not_restorable"
            assert not [name for name in postgres.databases() if name.startswith(proof.PREFIX)]
            (made.path / backup.MANIFEST).write_bytes(manifest)


def test_a_changed_byte_is_found(postgres: Postgres, made: Backup, tmp_path: Path) -> None:
    content = bytearray(made.dump.read_bytes())
    content[len(content) // 2] ^= 1
    made.dump.write_bytes(content)
    refused("changed", postgres, made, tmp_path)


def test_what_is_missing_is_named(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    made = backup.make(
        shop, tmp_path / "backups", tools=postgres.tools, journal=journal(tmp_path), layout="directory"
    )
    (made.dump / "toc.dat").unlink()
    assert "toc.dat is missing" in refused("missing", postgres, made, tmp_path)
    (made.path / backup.MANIFEST).write_text("{")
    refused("unreadable", postgres, made, tmp_path)
    (made.path / backup.MANIFEST).unlink()
    refused("missing", postgres, made, tmp_path)
    shutil.rmtree(made.path)
    refused("missing", postgres, made, tmp_path)
    with pytest.raises(BackupRefused, match="no backup of shop"):
        backup.newest(tmp_path / "backups", "shop")


def test_another_database_old_or_unreadable_backups_are_refused(
    postgres: Postgres, made: Backup, tmp_path: Path
) -> None:
    refused("wrong_database", postgres, made, tmp_path, database="blog")
    assert "another server" in refused("wrong_database", postgres, made, tmp_path, system_identifier="7")
    later = made.manifest.moment + timedelta(hours=25)
    assert "25.0 h ago" in refused("stale", postgres, made, tmp_path, max_age=24 * HOUR, now=later)
    refused(
        "tool_too_old", postgres, made, tmp_path, tools=dataclasses.replace(postgres.tools, version="14.1")
    )


def test_a_backup_of_nothing_is_refused(postgres: Postgres, tmp_path: Path, shop: Server) -> None:
    for name, script in (("hollow", "CREATE TABLE t (id int)"), ("bare", "SELECT 1")):
        server = postgres.create(name, script)
        made = backup.make(server, tmp_path / "backups", tools=postgres.tools, journal=journal(tmp_path))
        assert "holds no rows" in refused("empty", postgres, made, tmp_path, database=name)


def test_a_dump_of_other_content_is_found_by_the_proof(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    """Restorable, whole, and not what the manifest says: only the comparison notices."""
    postgres.sql("postgres", "CREATE DATABASE altered TEMPLATE shop")
    postgres.sql("altered", "UPDATE payments SET cents = 0 WHERE id = 3")
    other = backup.make(
        postgres.server("altered"), tmp_path / "others", tools=postgres.tools, journal=journal(tmp_path)
    )
    shutil.copy(other.dump, made.dump)
    with pytest.raises(BackupRefused, match=r"public\.payments has the right 500 rows, but not") as error:
        proof.prove(believe(made), shop, tools=postgres.tools, journal=journal(tmp_path))
    assert error.value.reason == "differs"
    assert postgres.databases() == {"shop", "altered"}


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_a_full_disk_leaves_nothing_and_is_named(postgres: Postgres, tmp_path: Path, layout: str) -> None:
    script = "CREATE TABLE t AS SELECT gen_random_uuid() FROM generate_series(1, 9000)"
    server = postgres.create("large", script)
    log = journal(tmp_path)
    with small_disk(tmp_path / "small") as meaning:
        with pytest.raises(DatabaseError, match=meaning):
            backup.make(server, tmp_path / "small", tools=postgres.tools, journal=log, layout=layout)
        assert list((tmp_path / "small").iterdir()) == []
    assert "postgres.backup.end" not in [event["event"] for event in events(log)]


def test_what_a_killed_backup_left_is_removed_by_the_next(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    place = tmp_path / "backups" / ".shop_20250101_000000_000.partial"
    place.mkdir(parents=True)
    (place / "dump").write_bytes(b"half")
    made = backup.make(shop, tmp_path / "backups", tools=postgres.tools, journal=journal(tmp_path))
    assert list((tmp_path / "backups").iterdir()) == [made.path]


SLOW = """
CREATE FUNCTION slow(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_catalog.pg_sleep(0.02); RETURN $1; END';
CREATE TABLE t (id int PRIMARY KEY);
INSERT INTO t SELECT generate_series(1, 3);
CREATE INDEX ON t (slow(id));
INSERT INTO t SELECT generate_series(4, 6);
"""


def make_slow_to_restore(postgres: Postgres, name: str) -> Server:
    """Restoring it takes more than 10 s, because the function sleeps longer than when the index was made."""
    server = postgres.create(name, SLOW)
    longer = SLOW.split("CREATE TABLE")[0].replace("CREATE", "CREATE OR REPLACE").replace("0.02", "3")
    postgres.sql(name, longer)
    return server


def test_a_server_that_goes_away_during_a_restore(postgres: Postgres, tmp_path: Path) -> None:
    """Said in words, the live database is untouched, and the next run goes on with it."""
    with start(tmp_path / "pg", server_version=postgres.major) as instance:
        own = Postgres(instance).prepare()
        server, log = make_slow_to_restore(own, "shop"), journal(tmp_path)
        made = backup.make(server, tmp_path / "backups", tools=own.tools, journal=log)
        killer = subprocess.Popen(
            ["sh", "-c", f"sleep 0.7; kill -9 {postmaster(instance.state)}"], stdin=subprocess.DEVNULL
        )
        with pytest.raises(DatabaseError, match=r"the server went away|ended the connection|nothing listens"):
            restore.side(server, made, tools=own.tools, journal=log)
        killer.wait()
        instance.process.wait(10)
    with start(tmp_path / "pg", server_version=postgres.major) as instance:
        own = Postgres(instance)
        server = own.server("shop")
        assert own.databases() == {"shop", restore.side_name("shop", made)}
        own.sql("shop", SLOW.split("CREATE TABLE")[0].replace("CREATE", "CREATE OR REPLACE"))
        quick = backup.make(server, tmp_path / "backups", tools=own.tools, journal=log)
        name = restore.side(server, quick, tools=own.tools, journal=log)
        assert own.sql(name, "SELECT count(*) FROM t") == [(6,)]


def postmaster(state: Path) -> int:
    return int((state / "data" / "postmaster.pid").read_text().splitlines()[0])


def test_a_killed_proof_is_cleaned_by_the_next_and_leaves_no_process(
    postgres: Postgres, tmp_path: Path
) -> None:
    server, log = make_slow_to_restore(postgres, "slow"), journal(tmp_path)
    made = backup.make(server, tmp_path / "backups", tools=postgres.tools, journal=log)
    child = os.fork()
    if child == 0:
        try:
            proof.prove(made, server, tools=postgres.tools, journal=journal(tmp_path))
        finally:
            os._exit(1)
    time.sleep(0.7)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(postgres.databases()) == 3
    assert running(str(made.dump)) == []
    deadline = time.monotonic() + 10
    while not proof.clean(server, journal=log):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert postgres.databases() == {"shop", "slow"}


def running(sign: str) -> list[str]:
    """The tools that are still at work, by what is on their command line (Linux)."""
    deadline = time.monotonic() + 5
    while True:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_text(errors="replace")
                if sign in command and int(folder.name) != os.getpid():
                    found.append(command.replace("\0", " "))
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_a_proof_that_takes_too_long_is_ended(postgres: Postgres, tmp_path: Path) -> None:
    server, log = make_slow_to_restore(postgres, "slow"), journal(tmp_path)
    made = backup.make(server, tmp_path / "backups", tools=postgres.tools, journal=log)
    began = time.monotonic()
    with pytest.raises(BackupRefused, match="did not end within 1 s"):
        proof.prove(made, server, tools=postgres.tools, journal=log, timeout=1)
    assert time.monotonic() - began < 4
    assert postgres.databases() == {"shop", "slow"}


def test_a_restore_that_is_there_already_is_used_again_and_checked(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    log = journal(tmp_path)
    name = restore.side(shop, made, tools=postgres.tools, journal=log)
    assert restore.side(shop, made, tools=postgres.tools, journal=log) == name
    assert [event["reused"] for event in events(log) if event["event"] == "postgres.restore.start"] == [
        False,
        True,
    ]
    postgres.sql(name, "DELETE FROM payments WHERE id = 1")
    with pytest.raises(BackupRefused, match=r"public\.payments has 499 rows, not 500"):
        restore.side(shop, made, tools=postgres.tools, journal=log)


def test_a_strangers_database_is_not_dropped(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    name = restore.side_name("shop", made)
    postgres.create(name, "CREATE TABLE precious (id int)")
    with pytest.raises(DatabaseError, match="is there and is not ours"):
        restore.side(shop, made, tools=postgres.tools, journal=journal(tmp_path))
    assert name in postgres.databases()
