"""The local PostgreSQL: its data survive, and it leaves no process, whatever is killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest

from local_postgres.launch import LaunchError, start


def processes(state: Path) -> list[str]:
    """What runs for that directory: the command, and the server, which works in its data (Linux)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        # A process may end meanwhile.
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_text(errors="replace").split("\0")
            works_in = (folder / "cwd").readlink()
            if works_in == state / "data" or {"local_postgres", str(state)} <= set(command):
                found.append(" ".join(command).strip())
    return found


def gone(state: Path) -> bool:
    deadline = time.monotonic() + 10
    while processes(state):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_data_survive_a_stop_and_a_kill_of_the_server(tmp_path: Path) -> None:
    with start(tmp_path / "pg") as instance:
        assert (tmp_path / "pg" / "ready.json").stat().st_mode & 0o077 == 0
        connection = psycopg2.connect(instance.dsn())
        connection.autocommit = True
        connection.cursor().execute("CREATE TABLE t AS SELECT 1 AS n")
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(instance.dsn(password="guess"))
    assert gone(tmp_path / "pg")
    assert not (tmp_path / "pg" / "ready.json").exists()
    instance = start(tmp_path / "pg")
    connection = psycopg2.connect(instance.dsn())
    connection.autocommit = True
    connection.cursor().execute("INSERT INTO t VALUES (2)")
    os.kill(instance.process.pid, signal.SIGKILL)
    instance.process.wait()
    assert gone(tmp_path / "pg")
    with start(tmp_path / "pg") as instance, psycopg2.connect(instance.dsn()).cursor() as cursor:
        cursor.execute("SELECT sum(n) FROM t")
        assert cursor.fetchone() == (3,)


@pytest.mark.parametrize("victim", ["caller", "postmaster"])
def test_whatever_is_killed_nothing_stays(tmp_path: Path, victim: str) -> None:
    state = tmp_path / "pg"
    program = (
        "import sys, time, pathlib\n"
        "from local_postgres.launch import start\n"
        "start(pathlib.Path(sys.argv[1])); print('up', flush=True); time.sleep(60)\n"
    )
    caller = subprocess.Popen([sys.executable, "-c", program, str(state)], stdout=subprocess.PIPE, text=True)
    assert caller.stdout
    assert caller.stdout.readline() == "up\n"
    assert len(processes(state)) >= 3
    if victim == "postmaster":
        os.kill(int((state / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        assert gone(state)
    caller.kill()
    caller.wait()
    assert gone(state)


def test_what_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=r"no PostgreSQL 99 on this machine \(found: "):
        start(tmp_path / "pg", server_version=99)
    with pytest.raises(LaunchError, match='unrecognized configuration parameter "nonsense"'):
        start(tmp_path / "pg", settings=["nonsense=1"])
    (tmp_path / "file").write_text("")
    with pytest.raises((LaunchError, FileExistsError)):
        start(tmp_path / "file")
