"""Backup, proof, side restore, swap and checks of a PostgreSQL database, against pg_dump and pg_restore."""

from __future__ import annotations

import contextlib
import resource
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import psycopg2
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from local_postgres.launch import Instance, start
from plugins.module_utils.database.decide import REWIND
from plugins.module_utils.journal import Journal
from plugins.module_utils.postgres import backup, integrity, proof, restore
from plugins.module_utils.postgres.backup import Backup
from plugins.module_utils.postgres.compare import compare, open_pair
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.postgres.tools import Tools, find
from plugins.module_utils.redact import Redactor
from plugins.module_utils.stage import database_move
from plugins.module_utils.stage.task import Task

# As a server of that size would have them; fsync on, so that writing costs what it costs.
SETTINGS = ("shared_buffers=1GB", "max_wal_size=8GB", "fsync=on", "maintenance_work_mem=64MB")
SCHEMA = """
CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, at timestamptz NOT NULL);
CREATE TABLE content (id uuid PRIMARY KEY, author bigint NOT NULL, title text NOT NULL, body text NOT NULL);
CREATE TABLE payments (id bigserial PRIMARY KEY, "user" bigint NOT NULL, cents int NOT NULL,
  at timestamptz NOT NULL);
CREATE TABLE audit_log (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what text NOT NULL);
INSERT INTO users SELECT n, 'user' || n || '@example.com', now() FROM generate_series(1, {users}) n;
INSERT INTO content SELECT gen_random_uuid(), 1 + n % {users}, 'Title ' || n, repeat(md5(n::text), 20)
  FROM generate_series(1, {content}) n;
INSERT INTO payments ("user", cents, at) SELECT 1 + n % {users}, n % 10000, now()
  FROM generate_series(1, {payments}) n;
INSERT INTO audit_log (what) SELECT 'user ' || n % {users} || ' did ' || md5(n::text)
  FROM generate_series(1, {audit}) n;
CREATE INDEX ON payments ("user");
CREATE INDEX ON content (author);
ALTER TABLE content ADD FOREIGN KEY (author) REFERENCES users;
ALTER TABLE payments ADD FOREIGN KEY ("user") REFERENCES users;
ANALYZE;
"""
CHANGES = """
UPDATE payments SET cents = cents + 1 WHERE id % 1000 = 1;
DELETE FROM audit_log WHERE id % 1000 = 2;
INSERT INTO audit_log (what) SELECT 'since' FROM generate_series(1, {since});
"""


def measure(millions: float, runs: int) -> None:
    """Print the table, for a database of so many million rows (5 are about 1 GB)."""
    rows = int(millions * 1_000_000)
    parts = {"users": rows // 25, "content": rows // 10, "payments": rows * 2 // 5, "since": rows // 500}
    parts["audit"] = rows - parts["users"] - parts["content"] - parts["payments"]
    with tempfile.TemporaryDirectory(prefix="knowngood-bench-") as place:
        folder = Path(place)
        with start(folder / "pg", settings=SETTINGS, timeout=120) as instance:
            _execute(instance, "postgres", "CREATE DATABASE shop")
            _execute(instance, "shop", SCHEMA.format(**parts))
            size = _execute(instance, "postgres", "SELECT pg_size_pretty(pg_database_size('shop'))")
            print(f"\nPostgreSQL {instance.server_version}, {rows:,} rows, {size}; medians of {runs} runs")
            bench = _Bench(instance, folder, CHANGES.format(**parts))
            bench.run(runs)


class _Bench:
    def __init__(self, instance: Instance, folder: Path, changes: str) -> None:
        self.instance = instance
        self.folder = folder
        self.changes = changes
        self.server = Server.of(instance.dsn("shop"))
        self.tools: Tools = find(int(instance.server_version.partition(".")[0]), Path(instance.tools_dir))
        self.journal = Journal(folder / "runs", "bench", Redactor())

    def run(self, runs: int) -> None:
        ours: dict[str, list[float]] = {}
        peer: dict[str, list[float]] = {}

        def timed(into: dict[str, list[float]], name: str, work: Callable[[], Any]) -> Any:
            _execute(self.instance, "postgres", "CHECKPOINT")
            began = time.monotonic()
            result = work()
            into.setdefault(name, []).append(time.monotonic() - began)
            return result

        for _ in range(runs):
            timed(peer, "backup", self.plain_dump)
            made: Backup = timed(ours, "backup", self.backup)
            timed(ours, "proof", partial(self.prove, made))
            timed(peer, "side restore", self.plain_restore)
            side = timed(ours, "side restore", partial(self.side, made))
            before = timed(ours, "snapshot", partial(integrity.snapshot, self.server))
            timed(ours, "integrity checks", partial(self.check, before, quiet=False))
            timed(ours, "... and content", partial(self.check, before, quiet=True))
            _execute(self.instance, "shop", self.changes)
            timed(ours, "exact loss", partial(self.compare, side))
            with _Writer(self.instance.dsn("shop")) as writer:
                done = timed(ours, "whole movement", partial(self.move, made))
            _execute(self.instance, "postgres", f'DROP DATABASE "{done["moved"][0]["undo"]["kept"]}"')
            ours.setdefault("writers held off", []).append(writer.longest)
            print(f"  {writer.done:,} rows written during the movement", flush=True)
            shutil.rmtree(made.path)
        self.show(ours, peer)

    @staticmethod
    def show(ours: dict[str, list[float]], peer: dict[str, list[float]]) -> None:
        titles = ("", "ours", "plain", "ratio")
        print("  ".join(f"{title:>17}" for title in titles))
        for name, seconds in ours.items():
            cells = [name, f"{median(seconds):.2f} s"]
            if name in peer:
                ratio = median(p / o for p, o in zip(peer[name], seconds, strict=True))
                cells += [f"{median(peer[name]):.2f} s", f"{ratio:.2f}x"]
            print("  ".join(f"{cell:>17}" for cell in cells))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"plain: pg_dump -Fc, createdb and pg_restore. Peak memory of our process {peak:.0f} MB",
            flush=True,
        )

    def plain_dump(self) -> None:
        path = self.folder / "plain.dump"
        path.unlink(missing_ok=True)
        self.tools.run("pg_dump", ["-Fc", f"--file={path}"], self.server, timeout=3600)

    def plain_restore(self) -> None:
        _execute(self.instance, "postgres", "CREATE DATABASE plain")
        self.tools.run(
            "pg_restore", ["--dbname=plain", str(self.folder / "plain.dump")], self.server, timeout=3600
        )
        _execute(self.instance, "postgres", "DROP DATABASE plain")

    def backup(self) -> Backup:
        made = backup.make(
            self.server, self.folder / "backups", tools=self.tools, journal=self.journal, layout="directory"
        )
        return backup.verify(
            made.path,
            database="shop",
            system_identifier=made.manifest.system_identifier,
            max_age=3600,
            tools=self.tools,
            journal=self.journal,
        )

    def prove(self, made: Backup) -> None:
        proof.prove(made, self.server, tools=self.tools, journal=self.journal)

    def side(self, made: Backup) -> str:
        return restore.side(self.server, made, tools=self.tools, journal=self.journal)

    def check(self, before: integrity.Snapshot, *, quiet: bool) -> None:
        expected = integrity.Expected("shop", before=before, quiet=quiet)
        wrong = [
            each
            for each in integrity.check(self.server, expected, journal=self.journal)
            if each.verdict != "pass"
        ]
        assert not wrong, wrong

    def compare(self, side: str) -> None:
        with open_pair(self.server, self.server.database(side)) as pair:
            assert any(each.is_loss for each in compare(pair))

    def move(self, made: Backup) -> dict[str, Any]:
        """As a rollback does it, with an application that goes on writing."""
        (self.folder / "migrations").mkdir(exist_ok=True)
        planned = {
            "name": "shop",
            "method": REWIND,
            "losses": [],
            "earlier": {"what": "the backup", "token": str(made.path), "moment": made.manifest.taken_at},
        }
        given = {
            "run": f"bench-{time.monotonic_ns()}",
            "runs_dir": str(self.folder / "runs"),
            "environment_name": "bench",
            "databases": [self.declared()],
            "cloudflare": {"account_id": ""},
            "planned": [planned],
            "accept_loss": "accepted",
        }
        checked = ArgumentSpecValidator(database_move.SPEC).validate(given)
        assert not checked.error_messages, checked.error_messages
        task = Task(checked.validated_parameters, check_mode=False, diff=False)
        done = database_move.work(task)
        assert "outcome" not in done, done
        return done

    def declared(self) -> dict[str, Any]:
        """As preflight hands a database on."""
        return {
            "name": "shop",
            "kind": "postgres",
            "dsn": self.instance.dsn("shop"),
            "identity": {"name": "shop"},
            "migrations": {"driver": "plain", "path": str(self.folder / "migrations")},
            "backups": {"folder": str(self.folder / "backups")},
            "tools": self.instance.tools_dir,
        }


class _Writer(threading.Thread):
    """``longest``: the longest time in seconds between two writes that the application was told are done."""

    def __init__(self, dsn: str) -> None:
        super().__init__(daemon=True)
        self.end = threading.Event()
        self.longest = 0.0
        self.done = 0
        self._dsn = dsn

    def __enter__(self) -> _Writer:
        self.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(0.5)
        self.end.set()
        self.join()

    def run(self) -> None:
        last = time.monotonic()
        while not self.end.is_set():
            with (
                contextlib.suppress(psycopg2.Error),
                contextlib.closing(psycopg2.connect(self._dsn)) as opened,
            ):
                opened.autocommit = True
                while not self.end.is_set():
                    opened.cursor().execute("INSERT INTO audit_log (what) VALUES ('w')")
                    self.done += 1
                    now = time.monotonic()
                    self.longest = max(self.longest, now - last)
                    last = now


def _execute(instance: Instance, database: str, statement: str) -> Any:
    with contextlib.closing(psycopg2.connect(instance.dsn(database))) as opened:
        opened.autocommit = True
        cursor = opened.cursor()
        cursor.execute(statement)
        return (cursor.fetchone() or (None,))[0] if cursor.description else None
