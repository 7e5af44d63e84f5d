"""The stages of a database on a real server: a backup as the inventory wants it, and the undo of a killed run."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from plugins.module_utils.database.decide import REWIND
from plugins.module_utils.database.managed import Earlier
from plugins.module_utils.journal import Journal
from plugins.module_utils.outcome import DONE, REFUSED
from plugins.module_utils.postgres import backup
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.recovery import card
from plugins.module_utils.redact import Redactor
from plugins.module_utils.stage import database_backup, database_move, database_restore_plan, database_undo
from plugins.module_utils.stage.task import Task
from tests.support.postgres import Postgres, events

OLD, NEW = [(1,)], [(0,)]


@pytest.fixture
def declared(postgres: Postgres, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A database as preflight hands it on."""
    postgres.create("shop")
    (tmp_path / "migrations").mkdir()
    yield {
        "name": "app-db",
        "kind": "postgres",
        "dsn": postgres.instance.dsn("shop"),
        "identity": {"name": "shop"},
        "migrations": {"driver": "plain", "path": str(tmp_path / "migrations")},
        "backups": {"folder": str(tmp_path / "backups")},
        "tools": postgres.instance.tools_dir,
    }
    for name in postgres.databases():
        postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


def task(stage: Any, declared: dict[str, Any], tmp_path: Path, run: str, **params: Any) -> Task:
    given = {
        "run": run,
        "runs_dir": str(tmp_path / "runs"),
        "environment_name": "production",
        "databases": [declared],
        "cloudflare": {"account_id": "0" * 32},
        **params,
    }
    checked = ArgumentSpecValidator(stage.SPEC).validate(given)
    assert not checked.error_messages
    return Task(checked.validated_parameters, check_mode=False, diff=False)


def since(postgres: Postgres, name: str = "shop") -> list[tuple[Any, ...]]:
    return postgres.sql(name, "SELECT count(*) FROM users WHERE email = 'since'")


@pytest.mark.parametrize("layout", ["custom", "directory"])
def test_a_backup_has_the_format_that_is_declared(
    declared: dict[str, Any], tmp_path: Path, layout: str
) -> None:
    declared["backups"] |= {"format": layout, "jobs": 3}
    result = database_backup.work(task(database_backup, declared, tmp_path, "backup"))
    assert result["outcome"]["exit_code"] == DONE, result
    assert backup.read(Path(result["backups"][0]["path"])).manifest.layout == layout


def test_without_a_word_it_is_one_file(declared: dict[str, Any], tmp_path: Path) -> None:
    result = database_backup.work(task(database_backup, declared, tmp_path, "backup"))
    assert backup.read(Path(result["backups"][0]["path"])).dump.is_file()


def test_a_restoration_needs_a_backup_and_consent_to_what_is_lost(
    postgres: Postgres, declared: dict[str, Any], tmp_path: Path
) -> None:
    def plan(**given: Any) -> dict[str, Any]:
        result: dict[str, Any] = database_restore_plan.work(
            task(database_restore_plan, declared, tmp_path, "restore", **given)
        )
        return result

    assert plan()["outcome"]["details"][0] == "app-db: there is no backup"
    database_backup.work(task(database_backup, declared, tmp_path, "backup"))
    assert plan(moment="2001-01-01T00:00:00Z")["outcome"]["exit_code"] == REFUSED
    postgres.sql("shop", "INSERT INTO users (email) VALUES ('since')")
    asked = plan()["outcome"]
    assert asked["exit_code"] == REFUSED
    assert any("would lose 1 row: public.users: 1 inserted" in line for line in asked["details"]), asked
    assert since(postgres) == [(1,)]
    hash_ = asked["next"].partition("accept_loss=")[2][:12]
    agreed = plan(accept_loss=hash_)
    assert "outcome" not in agreed
    planned, again = agreed["databases"], agreed["again"]
    move = task(database_move, declared, tmp_path, "restore", planned=planned, accept_loss=hash_, again=again)
    assert database_move.work(move)["changed"]
    assert since(postgres) == [(0,)]


def test_the_break_glass_card_restores_with_the_tools_alone(
    postgres: Postgres, declared: dict[str, Any], tmp_path: Path
) -> None:
    made = database_backup.work(task(database_backup, declared, tmp_path, "backup"))["backups"][0]
    postgres.sql("shop", "INSERT INTO users (email) VALUES ('since')")
    server = Server.of(declared["dsn"])
    told = server.parameters
    database = card.Postgres(
        "app-db", "shop", told["host"], told["port"], told["user"], "postgres", f"{made['path']}/dump"
    )
    facts = card.Facts(
        "production",
        "acc",
        "https://api.example.com",
        datetime.now(UTC),
        "r2",
        "validated",
        (),
        postgres=[database],
    )
    (calls,) = re.findall(r"```sh\n(psql.*?)```", card.card(facts), flags=re.DOTALL)
    tools = {**os.environ, **server.environment(), "PATH": f"{declared['tools']}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-ec", calls], env=tools, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert since(postgres) == [(0,)]
    assert since(postgres, "shop_damaged") == [(1,)]


class Killed(Journal):
    """A journal whose process is killed right before it writes one kind of event."""

    def __init__(self, folder: Path, run: str, event: str) -> None:
        super().__init__(folder, run, Redactor())
        self._event = event

    def write(self, event: str, **fields: Any) -> None:
        if event == self._event:
            os.kill(os.getpid(), signal.SIGKILL)
        super().write(event, **fields)


def rewind_killed_before(event: str, postgres: Postgres, declared: dict[str, Any], tmp_path: Path) -> None:
    """The run ``killed``: back to a backup from before the row that came since."""
    made = database_backup.work(task(database_backup, declared, tmp_path, "backup"))["backups"][0]
    postgres.sql("shop", "INSERT INTO users (email) VALUES ('since')")
    moment = backup.read(Path(made["path"])).manifest.taken_at
    planned = {
        "name": "app-db",
        "method": REWIND,
        "losses": [],
        "earlier": asdict(Earlier("the backup", made["path"], moment)),
    }
    move = task(database_move, declared, tmp_path, "killed", planned=[planned], accept_loss="accepted")
    child = os.fork()
    if child == 0:
        move.__dict__["journal"] = Killed(tmp_path / "runs", "killed", event)
        try:
            os.write(2, f"{database_move.work(move)}\n".encode())
        finally:
            os._exit(1)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("event", ["postgres.swap.end", "postgres.fence.down", "database.moved"])
def test_an_undo_finds_what_a_run_that_was_killed_right_after_the_swap_could_not_note(
    postgres: Postgres, declared: dict[str, Any], tmp_path: Path, event: str
) -> None:
    rewind_killed_before(event, postgres, declared, tmp_path)
    assert since(postgres) == NEW
    only_look = task(database_undo, declared, tmp_path, "look", undo="killed")
    only_look.check_mode = True
    looked = database_undo.work(only_look)
    assert "kept" in looked["outcome"]["details"][0]
    assert since(postgres) == NEW

    undo = task(database_undo, declared, tmp_path, "undo", undo="killed")
    done = database_undo.work(undo)
    assert (done["outcome"]["exit_code"], done["changed"]) == (DONE, True), done
    assert since(postgres) == OLD
    postgres.sql("shop", "INSERT INTO users (email) VALUES ('it can be written again')")
    kept = next(item["kept"] for item in events(undo.journal) if item["event"] == "postgres.swap.end")
    assert since(postgres, kept) == NEW

    again = database_undo.work(task(database_undo, declared, tmp_path, "again", undo="killed"))
    assert "nothing to do" in again["outcome"]["message"]
    assert since(postgres) == OLD
    # And what the undo set aside can be put back in the same way.
    database_undo.work(task(database_undo, declared, tmp_path, "back", undo="undo"))
    assert since(postgres) == NEW


def test_of_a_run_that_was_killed_right_before_the_swap_there_is_nothing_to_undo(
    postgres: Postgres, declared: dict[str, Any], tmp_path: Path
) -> None:
    rewind_killed_before("postgres.swap.start", postgres, declared, tmp_path)
    done = database_undo.work(task(database_undo, declared, tmp_path, "undo", undo="killed"))
    assert (done["outcome"]["exit_code"], "nothing to do" in done["outcome"]["message"]) == (DONE, True)
    # The next run that asks for the database takes the fence down.
    database_backup.work(task(database_backup, declared, tmp_path, "next"))
    assert since(postgres) == OLD


def test_an_undo_that_cannot_ask_the_server_changes_nothing_and_says_why(
    postgres: Postgres, declared: dict[str, Any], tmp_path: Path
) -> None:
    rewind_killed_before("postgres.swap.end", postgres, declared, tmp_path)
    elsewhere = {**declared, "dsn": "postgresql://app:word@127.0.0.1:1/shop"}
    done = database_undo.work(task(database_undo, elsewhere, tmp_path, "undo", undo="killed"))
    assert done["outcome"]["exit_code"] == REFUSED
    assert "cannot connect" in done["outcome"]["message"]
    assert "word" not in str(done)
