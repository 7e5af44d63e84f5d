#!/usr/bin/env python3
"""Migrates the sample application's PostgreSQL database on this machine, up or down, to a level.

python examples/must-be-viral/database/migrate.py 0002 --local .local/cloudflare
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from plugins.module_utils.journal import Journal  # noqa: E402
from plugins.module_utils.migrate.driver import open_driver  # noqa: E402
from plugins.module_utils.migrate.model import MigrationError  # noqa: E402
from plugins.module_utils.migrate.postgres_executor import PostgresExecutor  # noqa: E402
from plugins.module_utils.postgres.connect import Server  # noqa: E402
from plugins.module_utils.redact import Redactor  # noqa: E402


def main() -> int:
    """The command line; 1 with one message when it does not succeed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("level", help="the last migration that is to be applied, for example 0002")
    parser.add_argument(
        "--local", type=Path, required=True, metavar="STATE_DIR", help="where postgres.json is"
    )
    given = parser.parse_args()
    told = json.loads((given.local / "postgres.json").read_text())
    executor = PostgresExecutor(Server.of(told["dsn"]))
    journal = Journal(given.local, "migrate", Redactor())
    try:
        driver = open_driver("plain", Path(__file__).parent / "migrations", executor, journal)
        applied = driver.status().applied
        (driver.down if given.level in applied else driver.up)(given.level)
    except MigrationError as error:
        print(f"not migrated: {error}", file=sys.stderr)
        return 1
    finally:
        executor.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
