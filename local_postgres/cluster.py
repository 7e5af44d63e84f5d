"""One PostgreSQL cluster in a state directory, and its server process.

``data/`` is the cluster, ``postgres.log`` what it says, ``password`` the superuser's, ``ca.pem`` signs its
certificate. Connections come over loopback (or the socket in the directory), always with a password.
"""

import fcntl
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import psycopg2
import trustme

from local_postgres import binaries, unprivileged

HOST = "127.0.0.1"
SUPERUSER = "postgres"
LOCK = "local_postgres.lock"
LOG = "postgres.log"
# Data must survive a kill of the server, not a power cut.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB", "timezone": "GMT"}
_RULES = "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
_LONGEST_SOCKET_PATH = 90


class ClusterError(Exception):
    """The server cannot be started; the message says why."""


class Cluster:
    """The cluster in ``state``, created if it is not there. Raises ClusterError and BinariesError."""

    def __init__(self, state: Path, *, major: int | None = None) -> None:
        self.state = state.resolve()
        self.data = self.state / "data"
        self.ca_file = self.state / "ca.pem"
        self.port = 0
        self._server: subprocess.Popen[bytes] | None = None
        try:
            self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock: IO[str] = (self.state / LOCK).open("a+")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClusterError(f"{state} is in use by another local_postgres") from None
        except OSError as error:
            raise ClusterError(f"{state} cannot be used: {error.strerror}") from None
        version = self.data / "PG_VERSION"
        made_by = int(version.read_text()) if version.exists() else None
        if major is not None and made_by not in (None, major):
            raise ClusterError(f"{state} holds a cluster of PostgreSQL {made_by}, not {major}")
        self.binaries = binaries.find(made_by or major)
        if made_by is None:
            self._create()
        self.password = (self.state / "password").read_text().strip()
        short = len(str(self.state)) <= _LONGEST_SOCKET_PATH
        self.socket_dir = self.state / "socket" if short else None

    def _create(self) -> None:
        password = self.state / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.ca_file)
        unprivileged.give(password)
        for folder in (self.data, self.state / "socket"):
            folder.mkdir(exist_ok=True, mode=0o700)
            unprivileged.give(folder)
        command = [str(self.binaries.folder / "initdb"), "--pgdata", str(self.data), "--username", SUPERUSER]
        command += ["--pwfile", str(password), "--auth", "scram-sha-256", "--encoding", "UTF8"]
        command += ["--locale", "C.UTF-8", "--no-sync", "--data-checksums"]
        done = subprocess.run(
            command,
            env=_environment(),
            preexec_fn=unprivileged.become(os.getpid(), at_parents_end=signal.SIGKILL),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            (self.data / "PG_VERSION").unlink(missing_ok=True)
            raise ClusterError(f"initdb failed: {(done.stderr or done.stdout).strip()}")
        certificate = authority.issue_cert(HOST, "localhost")
        key = self.data / "server.key"
        key.touch(mode=0o600)
        certificate.private_key_pem.write_to_path(key)
        certificate.cert_chain_pems[0].write_to_path(self.data / "server.crt")
        (self.data / "pg_hba.conf").write_text(_RULES)
        for written in (key, self.data / "server.crt"):
            unprivileged.give(written)

    def start(self, *, port: int = 0, settings: Iterable[str] = (), timeout: float = 30.0) -> None:
        """Starts the server and waits until it answers. With port 0 the kernel chooses one."""
        for attempt in range(5):
            self.port = port or _free_port()
            self._spawn(settings)
            failure = self._wait(timeout)
            if failure is None:
                return
            if port or attempt == 4 or "Address already in use" not in failure:
                raise ClusterError(f"PostgreSQL did not start: {failure}")

    def _spawn(self, settings: Iterable[str]) -> None:
        given = dict(setting.split("=", 1) for setting in settings)
        sockets = str(self.socket_dir or "")
        options = _SETTINGS | {"listen_addresses": HOST, "port": str(self.port), "ssl": "on"}
        options |= {"unix_socket_directories": sockets, "logging_collector": "off"} | given
        command = [str(self.binaries.folder / "postgres"), "-D", str(self.data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with (self.state / LOG).open("ab") as log:
            self._said_from = log.tell()
            self._server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
                preexec_fn=unprivileged.become(os.getpid(), at_parents_end=signal.SIGQUIT),
                start_new_session=True,
            )

    def _wait(self, timeout: float) -> str | None:
        assert self._server is not None
        deadline = time.monotonic() + timeout
        while self._server.poll() is None and time.monotonic() < deadline:
            try:
                psycopg2.connect(
                    host=HOST,
                    port=self.port,
                    user=SUPERUSER,
                    password=self.password,
                    dbname="postgres",
                    connect_timeout=5,
                ).close()
            except psycopg2.OperationalError:
                time.sleep(0.02)
            else:
                return None
        self.stop()
        said = (self.state / LOG).read_bytes()[self._said_from :].decode(errors="replace").strip()
        return said or "it said nothing"

    def wait(self) -> int:
        """Until the server ends; its exit code."""
        assert self._server is not None
        return self._server.wait()

    def stop(self) -> None:
        """Ends open transactions, stops the server and waits for its end."""
        if self._server is None:
            return
        for number, patience in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)):
            if self._server.poll() is None:
                self._server.send_signal(number)
                try:
                    self._server.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
        if self._server.poll() is None:
            self._server.kill()
            self._server.wait()


def _environment() -> dict[str, str]:
    """Without PG* variables of the caller's, which the tools would follow."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
