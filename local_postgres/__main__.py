"""The command: `python -m local_postgres --state DIR` runs a PostgreSQL server until it is told to stop."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from local_cloudflare import parent
from local_postgres.binaries import BinariesError
from local_postgres.cluster import HOST, SUPERUSER, Cluster, ClusterError

READY = "ready.json"


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_postgres",
        description="A PostgreSQL server for one machine, on a loopback port, with everything in DIR. It "
        "prints one line and writes DIR/ready.json when it is ready, and stops on SIGTERM, SIGINT or with "
        "its parent.",
    )
    add = parser.add_argument
    add("--state", type=Path, required=True, metavar="DIR", help="state directory; created if missing")
    add("--port", type=int, default=0, metavar="PORT", help="default: the kernel chooses")
    add(
        "--server-version",
        type=int,
        metavar="MAJOR",
        help="for example 15; default: what was installed with us",
    )
    add("--setting", action="append", default=[], metavar="NAME=VALUE", help="a server setting, repeatable")
    add(
        "--parent",
        type=int,
        default=os.getppid(),
        metavar="PID",
        help="stop when this process is no longer the parent (default: the caller)",
    )
    given = parser.parse_args(argv)
    for setting in given.setting:
        if "=" not in setting:
            parser.error(f"--setting {setting}: NAME=VALUE expected")
    return given


def _announce(cluster: Cluster) -> Path:
    ready = {
        "host": HOST,
        "port": cluster.port,
        "user": SUPERUSER,
        "password": cluster.password,
        "socket_dir": str(cluster.socket_dir) if cluster.socket_dir else None,
        "tools_dir": str(cluster.binaries.folder),
        "server_version": cluster.binaries.version,
        "ca_file": str(cluster.ca_file),
        "pid": os.getpid(),
    }
    draft = cluster.state / f".{READY}"
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(ready, indent=2) + "\n")
    return draft.rename(cluster.state / READY)


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 stopped as asked, 1 could not start or ended by itself, 2 wrong arguments."""
    given = _arguments(argv)

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        cluster = Cluster(given.state, major=given.server_version)
        cluster.start(port=given.port, settings=given.setting)
    except (ClusterError, BinariesError, OSError) as error:
        print(f"local_postgres: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    parent.watch(given.parent, lambda: os.kill(os.getpid(), signal.SIGTERM))
    ready = _announce(cluster)
    try:
        print(
            f"local_postgres is ready: PostgreSQL {cluster.binaries.version} on {HOST}:{cluster.port} "
            f"(details in {ready})",
            flush=True,
        )
        code = cluster.wait()
        print(f"local_postgres: the server ended by itself, with {code}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        ready.unlink(missing_ok=True)
        cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
