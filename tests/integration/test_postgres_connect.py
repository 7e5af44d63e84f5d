"""Connections to what the inventory declares and nothing else, with errors that name what to change."""

import contextlib
import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from local_postgres.launch import LaunchError, start
from plugins.module_utils.postgres import backup, fence, proof, restore
from plugins.module_utils.postgres.connect import Server, check_identity, connect, identity, session
from plugins.module_utils.postgres.errors import DatabaseError
from plugins.module_utils.postgres.swap import swap, undo
from plugins.module_utils.postgres.tools import find
from tests.support.postgres import Postgres, journal

SECRET = "pa55-w0rd-never-shown"


@pytest.fixture(scope="module")
def shop(postgres: Postgres) -> Iterator[Server]:
    yield postgres.create("shop")
    postgres.sql("postgres", "DROP DATABASE shop WITH (FORCE)")


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("", "names no host"),
        ("postgresql:///shop", "names no host"),
        ("postgresql://db.example.com/shop", "names no user"),
        ("postgresql://app@db.example.com", "names no dbname"),
        ("postgresql://app@db.example.com/postgres", "is the maintenance database"),
        (f"postgresql://app:{SECRET}@db.example.com:nowhere=/shop?x=%", "is not a connection string"),
        (f"host=db.example.com password={SECRET} user=app nonsense=1", "is not a connection string"),
    ],
)
def test_an_incomplete_address_is_refused_and_not_completed(
    monkeypatch: pytest.MonkeyPatch, dsn: str, said: str
) -> None:
    for name in ("PGHOST", "PGUSER", "PGDATABASE"):
        monkeypatch.setenv(name, "localhost")
    with pytest.raises(DatabaseError, match=said) as error:
        Server.of(dsn)
    assert "postgres_" in str(error.value)
    assert SECRET not in str(error.value)


def test_every_fault_is_said_in_words_without_the_password(postgres: Postgres, shop: Server) -> None:
    port = postgres.instance.port
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for change, said in (
            (
                {"port": str(closed.getsockname()[1])},
                "nothing listens there: check host and port in postgres_dsn",
            ),
            (
                {"host": "no-such-host.invalid"},
                "the host name does not resolve: check the host in postgres_dsn",
            ),
            ({"password": SECRET}, "user or password is wrong: check both in postgres_dsn"),
            ({"user": "nobody_here"}, "user or password is wrong"),
            ({"dbname": "blog"}, "there is no such database: check the name in postgres_dsn"),
            ({"sslmode": "verify-full"}, "the CA file is not there: check sslrootcert|is not trusted"),
        ):
            wrong = Server({**shop.parameters, "password": shop.parameters["password"], **change})
            with pytest.raises(DatabaseError, match=said) as error:
                connect(wrong)
            assert str(error.value).startswith(f"cannot connect to {wrong}: ")
            assert not any(secret in str(error.value) for secret in (SECRET, postgres.instance.password))
    assert str(port) in str(shop)
    assert postgres.instance.password not in f"{shop} {shop!r}"
    assert shop.secrets == [postgres.instance.password]


def test_tls_modes_are_honoured_by_us_and_by_the_tools(
    postgres: Postgres, shop: Server, tmp_path: Path
) -> None:
    trusted = {"sslmode": "verify-full", "sslrootcert": postgres.instance.ca_file}
    secure = Server({**shop.parameters, **trusted})
    with session(secure) as connection:
        assert connection.info.ssl_in_use
    assert postgres.tools.run("psql", ["-Atc", "SHOW ssl"], secure, timeout=10).strip() == "on"
    with session(Server({**shop.parameters, "sslmode": "disable"})) as connection:
        assert not connection.info.ssl_in_use
    other = Server({**secure.parameters, "host": "localhost", "hostaddr": "127.0.0.1"})
    connect(other).close()
    misnamed = Server({**secure.parameters, "host": "db.example.com", "hostaddr": "127.0.0.1"})
    with pytest.raises(DatabaseError, match="its certificate is for another name: check the host"):
        connect(misnamed)
    with pytest.raises(DatabaseError, match="certificate"):
        postgres.tools.run("psql", ["-Atc", "SELECT 1"], misnamed, timeout=10)


def test_what_the_database_says_is_held_against_what_is_declared(postgres: Postgres, shop: Server) -> None:
    with session(shop) as connection:
        found = identity(connection, shop)
    assert (found.name, found.major, found.is_primary) == ("shop", postgres.major, True)
    check_identity(found, name="shop", system_identifier=found.system_identifier, host="127.0.0.1")
    with pytest.raises(DatabaseError, match="it is database shop, not blog; its host is 127"):
        check_identity(found, name="blog", host="db.example.com")


def test_no_wait_is_without_end(postgres: Postgres, shop: Server) -> None:
    locked = psycopg2.connect(postgres.instance.dsn("shop"))
    locked.cursor().execute("LOCK TABLE users")
    began = time.monotonic()
    with (
        pytest.raises(DatabaseError, match="a lock was not free in time"),
        session(shop, lock_timeout=0.2) as connection,
    ):
        connection.cursor().execute("SELECT FROM public.users")
    with (
        pytest.raises(DatabaseError, match="the statement took longer than allowed"),
        session(shop, statement_timeout=0.2) as connection,
    ):
        connection.cursor().execute("SELECT pg_sleep(30)")
    assert time.monotonic() - began < 3
    locked.close()
    with session(shop) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        assert cursor.fetchone() == ("knowngood",)
    with pytest.raises(DatabaseError, match="it is read-only"), session(shop, read_only=True) as connection:
        connection.cursor().execute("CREATE TABLE public.t ()")


class Pooler(threading.Thread):
    """Passes bytes on and, like PgBouncer, tells clients a cancel key of its own."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._upstream))
            threading.Thread(target=self._pump, args=(client, server, b""), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, b"K\0\0\0\x0c"), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket, key: bytes) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if key and (at := data.find(key)) >= 0:
                    data = data[: at + 5] + b"\0\0\0\7" + data[at + 9 :]
                sink.sendall(data)
        sink.close()


def test_a_pooler_in_between_is_noticed(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    pooler = Pooler(postgres.instance.port)
    pooler.start()
    through = Server({**shop.parameters, "port": str(pooler.port), "sslmode": "disable"})
    with pytest.raises(
        DatabaseError, match="a connection pooler answers there; postgres_dsn must name the server"
    ):
        connect(through)
    # A proxy that only passes bytes on, for which somebody vouches.
    vouched = dataclasses.replace(through, is_direct=True)
    made = backup.make(vouched, tmp_path / "backups", tools=postgres.tools, journal=journal(tmp_path))
    assert made.manifest.rows == 3500


def test_an_owner_without_superuser_can_do_it_all(postgres: Postgres, shop: Server, tmp_path: Path) -> None:
    """Backup, proof, restore, swap and fence with a role that owns its database and may create others."""
    postgres.create("own")
    server = Server.of(postgres.as_role("own"))
    log = journal(tmp_path)
    made = backup.make(server, tmp_path / "backups", tools=postgres.tools, journal=log, layout="directory")
    assert (
        proof.prove(made, server, tools=postgres.tools, journal=log).amcheck
        == "not made: it needs a superuser"
    )
    side = restore.side(server, made, tools=postgres.tools, journal=log)
    done = swap(server, side, journal=log)
    back = undo(server, done.kept, journal=log)
    with fence.hold(server, mode=fence.READ_ONLY, journal=log):
        pass
    for name in ("own", back.kept):
        postgres.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def test_tools_fit_the_server_or_are_asked_for(postgres: Postgres, tmp_path: Path) -> None:
    assert find(postgres.major).major == postgres.major
    with pytest.raises(
        DatabaseError, match=r"install postgresql-client-99 or set postgres_tools to their folder"
    ):
        find(99)
    with pytest.raises(DatabaseError, match=rf"in {tmp_path} \(found: none\)"):
        find(postgres.major, tmp_path)


def test_a_second_server_on_the_same_directory_is_refused(postgres: Postgres) -> None:
    with pytest.raises(LaunchError, match="is in use by another local_postgres"):
        start(postgres.instance.state)
