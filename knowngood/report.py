"""Write the incident report of a run, and check that its journal was not touched.

``knowngood report 20261124T213000Z-4f1c9a`` and ``knowngood verify 20261124T213000Z-4f1c9a``
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from ansible.module_utils import outcome
from ansible.module_utils.journal import FILE
from ansible.module_utils.report.seal import NotUsable
from ansible.module_utils.report.seal import verify as verified
from ansible.module_utils.report.write import write_all

from . import PROJECT
from .ledger import opened

__all__ = ["report", "verify"]

DONE: int = outcome.DONE
REFUSED: int = outcome.REFUSED
INVALID: int = outcome.INVALID


def report(run: str, to: str | None) -> int:
    """Write every form of the report to ``to``, or beside the journal, and print where; the exit code."""
    try:
        journal = _journal(run)
        written = write_all(journal, Path(to) if to else journal.parent / "report")
    except NotUsable as error:
        return _refused(str(error))
    for path in written.files.values():
        print(path)
    for problem in written.problems:
        print(problem, file=sys.stderr)
    return REFUSED if written.problems else DONE


def verify(run: str, public_key: str | None, head: str | None, inventory: str | None = None) -> int:
    """Say whether the journal is whole; 0 only when its end is proved too, by a signed close or by ``head``.

    With ``inventory`` the head is the one that the ledger of that environment keeps. Raises LedgerError.
    """
    if inventory and head:
        return _refused("--head and -i both say where the hash comes from: give one of them")
    for name, value in (("--public-key", public_key), ("--head", head)):
        if value is not None and not re.fullmatch("[0-9a-f]{64}", value):
            return _refused(f"{name} is 64 hex digits, and {value!r} is not")
    try:
        journal = _journal(run)
        noted = _noted(inventory, journal.parent.name) if inventory else None
        found = verified(journal, public_key=public_key, head=noted or head)
    except NotUsable as error:
        return _refused(str(error))
    print(f"journal  {journal}")
    print(f"records  {found.records}")
    print(f"head     {found.head}")
    if inventory:
        print(f"ledger   {f'keeps {noted}' if noted else 'keeps nothing of this run'}")
    if found.key:
        print(f"key      {found.key}")
    if not found.ok:
        print(f"NOT INTACT: record {found.bad}: {found.problem}")
        return INVALID
    if inventory and not noted:
        print(
            f"NOT ANCHORED: the ledger of {inventory} keeps no hash of it: a run that changed nothing leaves none"
        )
        return INVALID
    if not found.complete:
        more = f", and {found.after} records came after the last close" if found.after else ""
        print(f"NOT CLOSED: what is there is intact, but nothing shows that it is all{more}")
        return INVALID
    if found.anchored:
        after = found.records - found.anchored
        signed = f"; the {after} after it are signed" if after and found.closed else ""
        print(
            f"INTACT: all up to record {found.anchored}, which has the hash that was kept elsewhere{signed}"
        )
    elif public_key:
        print("INTACT: closed, and signed with the key that was asked for")
    else:
        print("INTACT: closed and signed; --public-key says whose signature it has to be")
    return DONE


def _noted(inventory: str, run: str) -> str | None:
    """The head of a run's journal that the ledger keeps; ``None`` when it keeps none."""
    with opened(inventory) as (ledger, _):
        ends = [entry.body for entry in ledger.entries() if entry.kind == "end"]
    kept = [
        body["journal"]
        for body in ends
        if body.get("by_run") == run and isinstance(body.get("journal"), dict)
    ]
    return str(kept[-1].get("head")) if kept else None


def _journal(run: str) -> Path:
    """The journal of a run by its id, its folder, or as a file."""
    given = Path(run)
    runs = Path(os.environ.get("KNOWNGOOD_RUNS") or PROJECT / ".runs")
    for path in (given, given / FILE, runs / run / FILE):
        if path.is_file():
            return path
    raise NotUsable(f"there is no run {run}: neither {given / FILE} nor {runs / run / FILE} is there")


def _refused(why: str) -> int:
    print(f"REFUSED: {why}", file=sys.stderr)
    return REFUSED
