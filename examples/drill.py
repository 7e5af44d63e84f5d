#!/usr/bin/env python3
"""Drills on an environment of their own: a local Cloudflare and a PostgreSQL, a good release, then one fault after another.

python examples/drill.py                      every scenario of drills/      (make drill)
python examples/drill.py --scenarios short    some of them: a tag, or names
python examples/drill.py --stay               only the environment, until Ctrl-C
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "examples" / "must-be-viral"
sys.path[:0] = [str(ROOT), str(SAMPLE), str(SAMPLE / "database"), str(ROOT / "examples")]

import app_database  # noqa: E402
import deploy  # noqa: E402
from demo import playbook  # noqa: E402

from local_cloudflare.launch import Instance, start  # noqa: E402
from local_postgres import launch as postgres  # noqa: E402

STATE = ROOT / ".local" / "drill"
RELEASE = "r2"


def main() -> int:
    """The command line; the exit code is that of the drill (docs/exit-codes.md)."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n\n")[0],
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenarios", default="all", help="all, a tag such as short, or names with commas")
    parser.add_argument("--stay", action="store_true", help="start the environment, and wait for Ctrl-C")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _forget_all_but_the_history()
    try:
        with start(STATE) as instance, postgres.start(STATE / "postgres") as server:
            app_database.announce(server, STATE)
            prepare(instance, server)
            if given.stay:
                print(f"LOCAL_CLOUDFLARE={STATE} ansible-playbook drill.yml -i local", flush=True)
                instance.process.wait()
                return 0
            return playbook(instance, "drill.yml", "-e", f"scenarios={given.scenarios}")
    except deploy.DeployError as error:
        print(f"not deployed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def prepare(instance: Instance, server: postgres.Instance) -> None:
    """A release that is recorded as good, and a backup to go back to."""
    print(f"== A good release, {RELEASE}, on a local Cloudflare", flush=True)
    app_database.migrate(server, instance.state, "0002")
    app_database.pay(server, 999)
    deploy.deploy(RELEASE, target=deploy.Target.of_state(instance.state))
    for name in ("record.yml", "backup.yml"):
        if playbook(instance, name):
            raise deploy.DeployError(f"{name} did not succeed")


def _forget_all_but_the_history() -> None:
    """The trend is over many runs; everything else begins anew."""
    history = STATE / "drills.jsonl"
    kept = history.read_bytes() if history.exists() else b""
    shutil.rmtree(STATE, ignore_errors=True)
    if kept:
        STATE.mkdir(parents=True, mode=0o700)
        history.write_bytes(kept)


if __name__ == "__main__":
    sys.exit(main())
