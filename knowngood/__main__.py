"""The command ``knowngood``."""

from __future__ import annotations

import argparse
import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """The exit code; 2 for a wrong command line."""
    parser = argparse.ArgumentParser(
        prog="knowngood", description="What CI asks of an environment, and what a reviewer asks of a run."
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    lock = verbs.add_parser(
        "lock",
        help="run a deploy while no rollback runs: knowngood lock -i production -- npx wrangler deploy",
    )
    frozen = verbs.add_parser("frozen", help="exit code 10 while deploys are held off after a rollback")
    for verb in (lock, frozen):
        verb.add_argument("-i", "--inventory", required=True, help="the environment, for example production")
    lock.add_argument("--wait", type=float, default=600, help="seconds to wait for the lock (default: 600)")
    lock.add_argument(
        "--despite-freeze", metavar="WHY", default="", help="deploy although deploys are held off"
    )
    lock.add_argument("command", nargs="+", help="the deploy, after --")
    report = verbs.add_parser("report", help="write the incident report of a run again, the same bytes")
    report.add_argument("--to", metavar="FOLDER", help="where to (default: report, beside the journal)")
    verify = verbs.add_parser("verify", help="exit code 0 when the journal of a run is whole and signed")
    verify.add_argument("--public-key", metavar="HEX", help="whose signature it has to be")
    verify.add_argument("--head", metavar="HEX", help="the hash of the last record, as it was kept elsewhere")
    for verb in (report, verify):
        verb.add_argument("run", help="its id, its folder, or its journal")
    given = parser.parse_args(arguments)

    # Ansible takes a third of a second to load, which --help need not wait for.
    if given.verb in ("report", "verify"):
        from . import report as of_a_run

        if given.verb == "report":
            return of_a_run.report(given.run, given.to)
        return of_a_run.verify(given.run, given.public_key, given.head)
    from ansible.module_utils.ledger.errors import LedgerError

    from . import lock as under_lock
    from .inventory import NotUsable

    try:
        if given.verb == "frozen":
            return under_lock.frozen(given.inventory)
        return under_lock.locked(
            given.inventory, given.command, wait=given.wait, despite_freeze=given.despite_freeze
        )
    except (NotUsable, LedgerError) as error:
        print(f"REFUSED: {error}", file=sys.stderr)
        return under_lock.REFUSED


if __name__ == "__main__":
    sys.exit(main())
