"""SIGKILL at every statement of a restore and a swap: old state or new state, and the next run finishes."""

import contextlib
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.extensions
import pytest

from plugins.module_utils.postgres import backup, fence, restore
from plugins.module_utils.postgres.backup import Backup
from plugins.module_utils.postgres.connect import Server
from plugins.module_utils.postgres.swap import swap, undo
from tests.support.postgres import Postgres, journal, versions

OLD, NEW = "SELECT count(*) FROM users WHERE email = 'since'", (1, 0)


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[Server]:
    yield postgres.create("shop")
    for name in postgres.databases():
        postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module")
def made(postgres: Postgres, shop: Server, tmp_path_factory: pytest.TempPathFactory) -> Backup:
    folder = tmp_path_factory.mktemp("made")
    made = backup.make(shop, folder / "backups", tools=postgres.tools, journal=journal(folder))
    postgres.sql("shop", "INSERT INTO users (email) VALUES ('since')")
    return made


def killed_at(statement: int, work: Callable[[], object]) -> bool:
    """Does the work in a process that is killed before its n-th statement; false when there is none."""
    child = os.fork()
    if child == 0:
        count = 0

        class Cursor(psycopg2.extensions.cursor):
            def execute(self, query: Any, parameters: Any = None) -> None:
                nonlocal count
                count += 1
                if count == statement:
                    os.kill(os.getpid(), signal.SIGKILL)
                super().execute(query, parameters)

        connect = psycopg2.connect
        psycopg2.connect = lambda **options: connect(cursor_factory=Cursor, **options)  # type: ignore[assignment]
        try:
            work()
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def places(postgres: Postgres, step: int = 1) -> Iterator[int]:
    """Numbers of statements, shared out among the versions that are tested."""
    return itertools.count(1 + step * versions().index(postgres.major), step * len(versions()))


def state(postgres: Postgres, name: str) -> int | None:
    """1: the old data serve, 0: the new, None: nobody is let in."""
    with contextlib.suppress(psycopg2.OperationalError):
        return int(postgres.sql(name, OLD)[0][0])
    return None


def test_a_swap_killed_anywhere_is_finished_by_the_next(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    log = journal(tmp_path)
    ready = restore.side(shop, made, tools=postgres.tools, journal=log)
    postgres.sql("postgres", f"ALTER DATABASE {ready} RENAME TO side")
    seen = set()
    for statement in places(postgres):
        killed = killed_at(statement, lambda: swap(shop, "side", journal=journal(tmp_path)))
        seen.add(state(postgres, "shop"))
        done = swap(shop, "side", journal=log)
        assert state(postgres, "shop") == 0
        assert state(postgres, done.kept) == 1
        assert postgres.sql("postgres", "SELECT count(*) FROM pg_database WHERE NOT datallowconn") == [(1,)]
        back = undo(shop, done.kept, journal=log)
        postgres.sql("postgres", f"ALTER DATABASE {back.kept} RENAME TO side")
        assert postgres.databases() == {"shop", "side"}
        if not killed:
            break
    assert seen == {1, None, 0}
    assert statement > 30, statement
    postgres.sql("postgres", "DROP DATABASE side")


def test_an_undo_killed_anywhere_is_finished_by_the_next(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    log = journal(tmp_path)
    ready = restore.side(shop, made, tools=postgres.tools, journal=log)
    postgres.sql("postgres", f"ALTER DATABASE {ready} RENAME TO side")
    for statement in places(postgres, 2):
        done = swap(shop, "side", journal=log)
        killed = killed_at(statement, lambda kept=done.kept: undo(shop, kept, journal=journal(tmp_path)))  # type: ignore[misc]
        back = undo(shop, done.kept, journal=log)
        assert state(postgres, "shop") == 1
        postgres.sql("postgres", f"ALTER DATABASE {back.kept} RENAME TO side")
        if not killed:
            break
    postgres.sql("postgres", "DROP DATABASE side")


def test_a_restore_killed_anywhere_is_begun_anew_or_used(
    postgres: Postgres, shop: Server, made: Backup, tmp_path: Path
) -> None:
    log = journal(tmp_path)
    name = restore.side_name("shop", made)
    for statement in places(postgres, 4):
        killed = killed_at(
            statement, lambda: restore.side(shop, made, tools=postgres.tools, journal=journal(tmp_path))
        )
        assert state(postgres, "shop") == 1, "the live database is untouched"
        assert restore.side(shop, made, tools=postgres.tools, journal=log) == name
        assert postgres.sql(name, "SELECT count(*) FROM users") == [(200,)]
        assert postgres.databases() == {"shop", name}
        postgres.sql("postgres", f'DROP DATABASE "{name}" WITH (FORCE)')
        if not killed:
            break


def test_a_fence_killed_anywhere_lets_the_application_in_again(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    def held() -> None:
        with fence.hold(shop, mode=fence.READ_ONLY, journal=journal(tmp_path)):
            pass

    for statement in places(postgres):
        killed = killed_at(statement, held)
        held()
        with postgres.cursor("shop", postgres.as_role("shop")) as cursor:
            cursor.execute(
                "CREATE TEMP TABLE t (); CREATE SEQUENCE can_be_written; DROP SEQUENCE can_be_written"
            )
        assert postgres.sql(
            "postgres", "SELECT count(*) FROM pg_shdescription WHERE description ~ 'knowngood'"
        ) == [(0,)]
        if not killed:
            break
