"""make bench: how long a rollback takes, against the usual tools, in the same run.

python -m benchmarks                     everything, in about 30 minutes
    python -m benchmarks --runs 7 rollback   the whole rollback and its switch, against wrangler rollback
python -m benchmarks fleet               the switch alone with 5, 50 and 500 Workers
python -m benchmarks --millions 5 database   a PostgreSQL database, against pg_dump and pg_restore
    python -m benchmarks planning            a plan over 1000 releases and 500 components
    python -m benchmarks validation          the tier quick at a latency, against the start of ansible-playbook
    python -m benchmarks runner              from Python and by knowngood, against ansible-playbook
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import database, fleet_switch, planning, rollback, runner, validation


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=(__doc__ or "").partition("\n\n")[0],
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    all_ = ["rollback", "fleet", "database", "planning", "runner", "validation"]
    parser.add_argument("what", nargs="*", choices=[*all_, []], help="default: all")
    parser.add_argument(
        "--runs", type=int, default=5, help="counted runs of each; medians are printed (default: 5)"
    )
    parser.add_argument(
        "--millions", type=float, default=5.0, help="rows of the database (default: 5, about 1 GB)"
    )
    given = parser.parse_args()
    what = given.what or all_
    if "rollback" in what:
        rollback.measure(given.runs)
    if "fleet" in what:
        fleet_switch.measure(given.runs)
    if "database" in what:
        database.measure(given.millions, min(given.runs, 3))
    if "planning" in what:
        planning.measure(min(given.runs, 3))
    if "runner" in what:
        runner.measure(given.runs)
    if "validation" in what:
        validation.measure(given.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
