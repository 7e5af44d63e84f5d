#!/usr/bin/env python3
"""Drills on an environment of their own: a local Cloudflare, a PostgreSQL, a good release, then fault after fault.

python examples/drill.py                      every scenario of drills/      (make drill)
python examples/drill.py --scenarios short    some of them: a tag, or names
python examples/drill.py --stay               only the environment, until Ctrl-C
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "examples" / "must-be-viral"
sys.path[:0] = [str(ROOT), str(SAMPLE), str(SAMPLE / "database")]

import app_database  # noqa: E402
import deploy  # noqa: E402
import requests  # noqa: E402
from account import DeployError, Target  # noqa: E402

from examples.demo import playbook  # noqa: E402
from local_cloudflare.launch import Instance, start  # noqa: E402
from local_postgres import launch as postgres  # noqa: E402

STATE = ROOT / ".local" / "drill"
RELEASE = "r2"
PROVIDER = "export default { fetch: () => Response.json({ status: 'ok' }) }"


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
    # The history of drills is beside it, because a trend is over many.
    shutil.rmtree(STATE, ignore_errors=True)
    # What earlier runs left for the next one is of an environment that is gone.
    os.environ["KNOWNGOOD_RUNS"] = str(STATE / "runs")
    try:
        # So many drills in a row use up Cloudflare's budget of calls, which has a scenario of its own.
        with start(STATE, budget=12000) as instance, postgres.start(STATE / "postgres") as server:
            app_database.announce(server, STATE)
            prepare(instance, server)
            if given.stay:
                print(
                    f"In another terminal: export LOCAL_CLOUDFLARE={STATE} KNOWNGOOD_RUNS={STATE / 'runs'}\n"
                    "  ansible-playbook drill.yml -i local -e scenarios=all",
                    flush=True,
                )
                instance.process.wait()
                return 0
            return playbook(instance, "drill.yml", "-e", f"scenarios={given.scenarios}")
    except DeployError as error:
        print(f"not deployed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def prepare(instance: Instance, server: postgres.Instance) -> None:
    """A release that is recorded as good, and a backup to go back to."""
    print(f"== A good release, {RELEASE}, on a local Cloudflare", flush=True)
    # A level below the newest, so that a drill has something to migrate.
    app_database.migrate(server, instance.state, "0001")
    app_database.pay(server, 999)
    target = Target.of_state(instance.state)
    deploy.deploy(RELEASE, target=target)
    _start_payments(instance, target)
    for name in ("record.yml", "backup.yml"):
        if playbook(instance, name):
            raise DeployError(f"{name} did not succeed")


def _start_payments(instance: Instance, target: Target) -> None:
    """A payment provider that somebody else runs: what the application needs and no release of it changes."""
    account = f"{target.api_url}/accounts/{target.account_id}"
    headers = {"authorization": f"Bearer {target.token}"}
    files: Any = {
        "metadata": (None, json.dumps({"main_module": "index.js", "compatibility_date": "2026-04-01"})),
        "index.js": ("index.js", PROVIDER, "application/javascript+module"),
    }
    put = requests.put(f"{account}/workers/scripts/payments", headers=headers, files=files, timeout=30)
    put.raise_for_status()
    zone = instance.zones["mustbeviral.com"]
    route = {"pattern": "payments.mustbeviral.com/*", "script": "payments"}
    requests.post(
        f"{target.api_url}/zones/{zone}/workers/routes", headers=headers, json=route, timeout=30
    ).raise_for_status()
    health = {
        "url": "https://payments.mustbeviral.com/health",
        "body": "status == 'ok'",
        "version": {"unknown": "it is not ours"},
        "fresh": {"unknown": "it is not ours"},
    }
    (instance.state / "third_parties.json").write_text(json.dumps([{"name": "payments", "health": health}]))


if __name__ == "__main__":
    sys.exit(main())
