"""Starts a local PostgreSQL as a child process, for tests, the demo and benchmarks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from local_cloudflare.child import Child, LaunchError, launch

__all__ = ["LOG", "READY", "Instance", "LaunchError", "start"]

LOG = "local_postgres.log"
READY = "ready.json"


@dataclass(frozen=True)
class Instance(Child):
    """A running local PostgreSQL; leaving the context stops it. Fields as in ready.json."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    socket_dir: str | None
    tools_dir: str
    server_version: str
    ca_file: str

    def dsn(self, database: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """A connection string with its password: not for output."""
        who = f"{quote(user or self.user)}:{quote(password or self.password)}"
        return f"postgresql://{who}@{self.host}:{self.port}/{quote(database)}"


def start(
    state: Path,
    *,
    server_version: int | None = None,
    port: int = 0,
    settings: Iterable[str] = (),
    timeout: float = 60.0,
) -> Instance:
    """Starts a server over `state` and waits until it is ready.

    `settings` are server settings, "name=value". What the command prints goes to `state`/local_postgres.log.
    Raises LaunchError.
    """
    arguments = ["--port", str(port)]
    if server_version is not None:
        arguments += ["--server-version", str(server_version)]
    for setting in settings:
        arguments += ["--setting", setting]
    process, ready = launch(
        "local_postgres", arguments, state, name="PostgreSQL", log=LOG, ready=READY, timeout=timeout
    )
    return Instance(process=process, state=state, **{k: v for k, v in ready.items() if k != "pid"})
