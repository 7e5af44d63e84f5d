"""The command ``knowngood``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from .arguments import PLAYBOOKS, parser

__all__ = ["main"]

REFUSED = 10


def main(arguments: list[str] | None = None) -> int:
    """The exit code; 2 for a wrong command line."""
    known = parser()
    given = known.parse_args(arguments)
    if given.verb in PLAYBOOKS and given.timeout is not None and not given.json:
        known.error("--timeout needs --json")
    # Everything else takes longer to load than --help may take.
    from .inventory import NotUsable

    try:
        return _do(given)
    except NotUsable as error:
        print(f"REFUSED: {error}", file=sys.stderr)
        return REFUSED


def _do(given: argparse.Namespace) -> int:
    if given.verb in ("report", "verify"):
        from . import report as of_a_run

        if given.verb == "report":
            return of_a_run.report(given.run, given.to)
        return _with_ledger(lambda: of_a_run.verify(given.run, given.public_key, given.head, given.inventory))
    if given.verb == "after-deploy":
        from .after_deploy import after_deploy

        return after_deploy(given)
    if given.verb in ("frozen", "lock"):
        return _with_ledger(lambda: _held_off(given))
    from . import play

    if given.verb == "cancel":
        return play.cancel(given.run, given.why)
    assert given.verb in PLAYBOOKS
    return play.play(given)


def _with_ledger(work: Callable[[], int]) -> int:
    from ansible.module_utils.ledger.errors import LedgerError

    from .inventory import NotUsable

    try:
        return work()
    except LedgerError as error:
        raise NotUsable(str(error)) from None


def _held_off(given: argparse.Namespace) -> int:
    from . import lock as under_lock

    if given.verb == "frozen":
        return under_lock.frozen(given.inventory)
    return under_lock.locked(
        given.inventory,
        given.command,
        wait=given.wait,
        despite_freeze=given.despite_freeze,
        before=given.before,
    )


if __name__ == "__main__":
    sys.exit(main())
