"""Run a deploy while no rollback runs, and keep rollbacks away from it.

``knowngood lock -i production -- npx wrangler deploy ...``
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ansible.module_utils import outcome

from .ledger import opened

__all__ = ["REFUSED", "frozen", "locked"]

REFUSED: int = outcome.REFUSED


def locked(
    inventory: str, command: Sequence[str], *, wait: float, despite_freeze: str, before: str = ""
) -> int:
    """Run ``command`` under the lock of the environment, and return its exit code.

    10 when the environment is frozen after a rollback, or somebody else holds the lock; then nothing ran.
    ``despite_freeze`` is the reason to deploy into a freeze. ``wait`` is in seconds. ``before`` is a file that gets
    what serves, as ``knowngood status --json`` says it. Raises LedgerError only while nothing ran.
    """
    from ansible.module_utils.journal import new_run_id
    from ansible.module_utils.ledger.errors import LedgerError
    from ansible.module_utils.ledger.lock import LEASE, Held, Lost, release, renew, take

    with opened(inventory) as (ledger, environment):
        found = ledger.view().frozen
        if found is not None and not despite_freeze:
            return _no(
                f"{environment} is frozen since {found.time:%Y-%m-%d %H:%M} UTC: {found.reason}",
                f"ansible-playbook unfreeze.yml -i {inventory} -e reason='...'",
            )
        run, end = new_run_id(), threading.Event()
        until = datetime.now(UTC) + timedelta(seconds=wait)
        while isinstance(held := take(ledger, "deploy", run, LEASE, pid=os.getpid()), Held):
            if datetime.now(UTC) > until:
                holder = held.holder
                return _no(
                    f"a {holder.purpose} of {holder.by} (run {holder.run}) holds the lock", "let it end"
                )
            end.wait(1)
        if before and (problem := _written(inventory, Path(before))):
            release(ledger, run)
            return _no(f"what serves now could not be written down: {problem}", "put that right")
        child = subprocess.Popen(command)

        def keep() -> None:
            while not end.wait(LEASE.total_seconds() / 3):
                try:
                    renew(ledger, run, LEASE)
                except Lost as error:
                    print(f"knowngood: {error}", file=sys.stderr)
                    child.terminate()
                    return
                except LedgerError as error:
                    # The lease has time left, and a ledger that is away must not stop a deploy half-way.
                    print(f"knowngood: the lock was not renewed: {error}", file=sys.stderr)

        threading.Thread(target=keep, daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda given, _: child.send_signal(given))
        try:
            return _ended(child)
        finally:
            end.set()
            try:
                release(ledger, run)
            except LedgerError as error:
                print(f"knowngood: the lock was not given back, its lease ends it: {error}", file=sys.stderr)


def frozen(inventory: str) -> int:
    """Say whether the environment is frozen: 0 when it is not, 10 when it is."""
    with opened(inventory) as (ledger, environment):
        found = ledger.view().frozen
    if found is None:
        print(f"{environment} is not frozen")
        return 0
    print(f"{environment} is frozen since {found.time:%Y-%m-%d %H:%M} UTC by {found.by}: {found.reason}")
    return REFUSED


def _written(inventory: str, to: Path) -> str:
    """What serves, into a file; why not, when that was not possible."""
    from .environment import Environment

    found = Environment(inventory).status().result()
    if found.status is None:
        return f"{found.verdict}: {'; '.join([found.message, *found.details])}"
    try:
        to.write_text(json.dumps(found.as_dict(), default=str), encoding="utf-8")
    except OSError as error:
        return str(error)
    return ""


def _ended(child: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            code = child.wait()
        except KeyboardInterrupt:
            # The terminal told the command as well; it decides when it is done.
            continue
        return code if code >= 0 else 128 - code


def _no(why: str, next_: str) -> int:
    print(f"next     {next_}\nREFUSED: nothing was deployed: {why}", file=sys.stderr)
    return REFUSED
