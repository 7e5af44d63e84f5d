"""The command: `python -m local_cloudflare --state DIR` serves, `... reset --state DIR` forgets."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from local_cloudflare import parent
from local_cloudflare.edge_process import EdgeError
from local_cloudflare.server import LocalCloudflare, Settings
from local_cloudflare.state_dir import StateDir, StateError


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    defaults = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m local_cloudflare",
        description="A Cloudflare for one machine: API, admin API, edge and DNS on loopback ports. It prints one "
        "line and writes DIR/ready.json when it is ready, and stops on SIGTERM, SIGINT or with its parent.",
    )
    add = parser.add_argument
    add(
        "command",
        nargs="?",
        choices=("serve", "reset"),
        default="serve",
        help="serve (default), or reset: delete everything in the state directory",
    )
    add("--state", type=Path, required=True, metavar="DIR", help="state directory; created if missing")
    zones = " ".join(defaults.zones)
    add(
        "--zone",
        action="append",
        metavar="NAME",
        help=f"a zone of the account, repeatable (default: {zones})",
    )
    for name in ("api", "admin", "edge", "dns"):
        text = f"port of the {name} (default: the kernel chooses)"
        add(f"--{name}-port", type=int, default=0, metavar="PORT", help=text)
    for option, kind, value, meta, text in (
        ("latency-ms", float, defaults.latency_ms, "MS", "added to every API call"),
        ("budget", int, defaults.budget, "CALLS", "API calls per token and window"),
        ("budget-window-seconds", float, defaults.budget_window_seconds, "S", "length of the window"),
        ("budget-block-seconds", float, defaults.budget_block_seconds, "S", "how long the 429 then lasts"),
    ):
        add(f"--{option}", type=kind, default=value, metavar=meta, help=f"{text} (default: %(default)s)")
    add(
        "--parent",
        type=int,
        default=os.getppid(),
        metavar="PID",
        help="stop when this process is no longer the parent (default: the caller)",
    )
    return parser.parse_args(argv)


async def _serve(state: StateDir, settings: Settings, parent_pid: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent.watch(parent_pid, lambda: loop.call_soon_threadsafe(stop.set))
    await LocalCloudflare(state, settings).run(stop)


def main(argv: list[str] | None = None) -> int:
    """Exit codes: 0 stopped as asked, 1 could not start, 2 wrong arguments."""
    arguments = _arguments(argv)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    try:
        state = StateDir(arguments.state)
        if arguments.command == "reset":
            state.wipe()
            return 0
        settings = Settings(
            zones=tuple(arguments.zone or Settings.zones),
            api_port=arguments.api_port,
            admin_port=arguments.admin_port,
            edge_port=arguments.edge_port,
            dns_port=arguments.dns_port,
            latency_ms=arguments.latency_ms,
            budget=arguments.budget,
            budget_window_seconds=arguments.budget_window_seconds,
            budget_block_seconds=arguments.budget_block_seconds,
        )
        asyncio.run(_serve(state, settings, arguments.parent))
    except (StateError, EdgeError, OSError) as error:
        print(f"local_cloudflare: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
