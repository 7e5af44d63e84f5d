"""A rollback killed around PostgreSQL's steps, or left by its server, and the same command again: it arrives."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import psycopg2
import pytest

from local_cloudflare.launch import start
from local_postgres import launch as postgres
from plugins.module_utils.journal import FILE
from tests.support.app import App, kept_rows, writing
from tests.support.door import AFTER, BEFORE, Door, door
from tests.support.environment import Environment, Run
from tests.support.seed import Seed

FENCE = 'COMMENT ON DATABASE "mustbeviral" IS .*fence'
RENAME = 'ALTER DATABASE "mustbeviral" RENAME TO'
OLD, NOBODY, NEW = "old", "nobody", "new"
# The statement where it is held, whether before or after it took effect, and who is let in once it is killed.
MOMENTS = {
    "before the fence": ((FENCE,), BEFORE, OLD),
    "while fenced": ((FENCE, "COMMIT"), AFTER, NOBODY),
    "before the swap": ((RENAME,), BEFORE, NOBODY),
    "before its journal entry": ((RENAME, "COMMIT", "FROM pg_catalog.pg_database"), BEFORE, NEW),
}
MANY = 1_000_000
"""Rows that may be lost: how many a sentinel writes depends on the machine."""


class Watched:
    """The application at r2, behind a door that can hold its runs, with a backup from before a bad migration."""

    def __init__(self, app: App, gate: Door) -> None:
        self.app = app
        self.door = gate
        app.migrate("0002")
        app.pay(999)
        app.pay(1)
        app.announce(gate.leading)
        app.back_up()

    def serving(self) -> str:
        """What the application finds."""
        try:
            connection = self.app.connect()
        except psycopg2.OperationalError:
            return NOBODY
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT * FROM payments")
                names = {column.name for column in cursor.description or ()}
                cursor.execute("SHOW default_transaction_read_only")
                if (cursor.fetchone() or ("",))[0] == "on":
                    return NOBODY
        finally:
            connection.close()
        return NEW if "cents" in names else OLD

    def run_into(self, reached: threading.Event) -> subprocess.Popen[str]:
        """A rollback that is being held."""
        process = self.app.environment.start("rollback.yml", *self.app.asked(loss_allowed=MANY))
        deadline = time.monotonic() + 60
        while not reached.wait(0.01):
            assert process.poll() is None, f"it ended before it came there: {process.communicate()[0]}"
            assert time.monotonic() < deadline, "it did not come there"
        return process

    def kill(self, *statements: str, phase: str) -> Run:
        """A rollback that is killed, with all that it started, at a statement."""
        with self.door.held(*statements, phase=phase) as reached:
            process = self.run_into(reached)
            os.killpg(process.pid, signal.SIGKILL)
            return self.ended(process)

    def ended(self, process: subprocess.Popen[str]) -> Run:
        output, _ = process.communicate(timeout=60)
        deadline = time.monotonic() + 3
        while self.app.environment.processes():
            assert time.monotonic() < deadline, self.app.environment.processes()
            time.sleep(0.01)
        journal = max(self.app.environment.runs.glob(f"*/{FILE}"), key=lambda path: path.stat().st_mtime)
        return Run(process.returncode, output, journal)

    def again(self) -> Run:
        """The same command: it ends at the target, and nothing is in anybody's way."""
        run = self.app.back(loss_allowed=MANY)
        assert run.code == 0, run.output
        assert self.serving() == NEW
        assert [row["cents"] for row in self.app.payments] == [999, 1]
        assert self.app.applied == ["0001", "0002"]
        assert self.app.is_free()
        return run

    def stop_server(self) -> None:
        """At once, as when its machine is lost."""
        pid = (self.app.server.state / "data" / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(pid), signal.SIGQUIT)
        self.app.server.process.wait(20)

    def start_server(self) -> None:
        self.app.server = postgres.start(self.app.server.state)
        self.door.to = (self.app.server.host, self.app.server.port)


@pytest.fixture(scope="module")
def watched(seed: Seed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("killed")
    with start(seed.copy(folder / "state")) as instance:
        environment = Environment(instance)
        environment.serve("r2")
        server = postgres.start(folder / "postgres")
        app = App(environment, server)
        try:
            with door((server.host, server.port)) as gate:
                yield Watched(app, gate)
        finally:
            app.server.stop()


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_around_the_swap_and_run_again_it_arrives(watched: Watched, moment: str) -> None:
    statements, phase, serving = MOMENTS[moment]
    watched.app.migrate("0003")
    with writing(watched.app) as sentinel:
        killed = watched.kill(*statements, phase=phase)
        assert watched.serving() == serving
        again = watched.again()
    kept = {row["what"] for run in (killed, again) for row in kept_rows(run, "public.audit_log")}
    assert sentinel.missing()
    assert sentinel.missing() <= kept, "what was acknowledged is there, or among what was kept"


def test_killed_right_after_the_swap_it_can_still_be_undone(watched: Watched) -> None:
    app = watched.app
    app.migrate("0003")
    app.pay(7, column="amount")
    killed = watched.kill(RENAME, "COMMIT", phase=AFTER)
    assert watched.serving() == NEW
    watched.again()
    undo = f"undo={killed.events[0]['run']}"
    undone = app.environment.play("rollback.yml", "-e", undo, "--limit", "app-db")
    assert undone.code == 0, undone.output
    assert [row["amount"] for row in app.payments] == [9, 0, 7]
    assert app.is_free()
    watched.again()


@pytest.mark.parametrize("moment", ["in the restore", "while fenced"])
def test_a_server_that_stops_is_named_and_once_it_is_back_the_run_arrives(
    watched: Watched, moment: str
) -> None:
    app = watched.app
    app.migrate("0003")
    statements = {"in the restore": ("COPY public.payments",), "while fenced": (RENAME,)}[moment]
    with watched.door.held(*statements) as reached:
        process = watched.run_into(reached)
        watched.stop_server()
        run = watched.ended(process)
    try:
        assert "Traceback" not in run.output
        assert "defect" not in run.output
        assert run.code == {"in the restore": 10, "while fenced": 12}[moment], run.output
        next_, verdict = run.output.rstrip().splitlines()[-2:]
        assert next_.startswith("next ")
        assert {"in the restore": "nothing was changed", "while fenced": "FAILED"}[moment] in verdict
    finally:
        watched.start_server()
    watched.again()
