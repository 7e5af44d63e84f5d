"""The lock of an environment: one run at a time changes it.

It is the slot ``lock`` of the ledger. A lock is dead when its lease is over, or when its process is known to
have ended; then the next one takes it. Each taker has a generation one above the last, also after the lock
was given back, so that the slot, once written, never says less than it did.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from socket import gethostname
from typing import Any

from .errors import LedgerError
from .ledger import Ledger
from .process import birth, has_ended, lives

__all__ = ["LEASE", "Held", "Holder", "Lost", "break_", "release", "renew", "take"]

SLOT = "lock"
# How long a lock outlives a holder that nobody can look at; a holder renews it three times in that time.
LEASE = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. ``pid`` is the process that it lives with, and ``started`` tells which one that is.

    ``until`` is the end of the lease, in UTC, by the clock of the holder's host.
    """

    purpose: str
    by: str
    run: str
    host: str
    pid: int
    started: str
    generation: int
    until: datetime

    @property
    def dead(self) -> bool:
        """Whether it cannot be at work any more."""
        return self.until <= datetime.now(UTC) or has_ended(self.pid, self.started)

    @property
    def lives(self) -> bool:
        """Whether its process is known to be there still."""
        return lives(self.pid, self.started)


@dataclass(frozen=True, slots=True)
class Held:
    """Somebody else has the lock."""

    holder: Holder


class Lost(Exception):
    """The run does not hold the lock any more, so it may not change anything any more."""


def take(ledger: Ledger, purpose: str, run: str, lease: timedelta, *, pid: int) -> Holder | Held:
    """Take the lock for ``run``, or say who has it. A run that has it gets its lease renewed.

    ``pid`` is the process whose end gives the lock free. Raises LedgerError.
    """
    while True:
        found = ledger.slot(SLOT)
        holder = _holder(found)
        mine = holder is not None and holder.run == run
        if holder is not None and not mine and not holder.dead:
            return Held(holder)
        generation = _generation(found) + (0 if mine else 1)
        until = datetime.now(UTC) + lease
        new = Holder(purpose, ledger.by, run, gethostname(), pid, birth(pid), generation, until)
        if ledger.swap(SLOT, found, _stored(new)):
            return new


def renew(ledger: Ledger, run: str, lease: timedelta) -> Holder | None:
    """Begin the lease of ``run`` anew; ``None`` where nobody ever took a lock. Raises Lost and LedgerError.

    A lease that has nearly all of its time left stays as it is: with KV and git a write costs seconds.
    """
    while True:
        found = ledger.slot(SLOT)
        if found is None:
            return None
        holder = _holder(found)
        if holder is None:
            raise Lost(f"the lock of this environment was taken away from run {run}, or given back by it")
        if holder.run != run:
            raise Lost(
                f"run {holder.run} ({holder.purpose} of {holder.by}) took the lock over from run {run}"
            )
        now = datetime.now(UTC)
        if holder.until - now > lease * 5 / 6:
            return holder
        new = replace(holder, until=now + lease)
        if ledger.swap(SLOT, found, _stored(new)):
            return new


def release(ledger: Ledger, run: str) -> None:
    """Give the lock back if ``run`` holds it."""
    while True:
        found = ledger.slot(SLOT)
        holder = _holder(found)
        if holder is None or holder.run != run or ledger.swap(SLOT, found, _free(found)):
            return


def break_(ledger: Ledger, reason: str) -> Holder | None:
    """Take the lock away from whoever holds it, and write down why; who held it, or ``None``."""
    while True:
        found = ledger.slot(SLOT)
        holder = _holder(found)
        if holder is None:
            return None
        if ledger.swap(SLOT, found, _free(found)):
            ledger.append(("lock_broken", {"reason": reason, "holder": _stored(holder)}))
            return holder


def _free(found: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"generation": _generation(found)}


def _generation(found: Mapping[str, Any] | None) -> int:
    return int(found.get("generation", 0)) if found else 0


def _stored(holder: Holder) -> dict[str, Any]:
    return {**asdict(holder), "until": holder.until.isoformat()}


def _holder(found: Mapping[str, Any] | None) -> Holder | None:
    """Who holds the lock by its slot; ``None`` when it is free. Raises LedgerError."""
    if not found or "run" not in found:
        return None
    try:
        return Holder(**{**found, "until": datetime.fromisoformat(found["until"])})
    except (TypeError, ValueError, KeyError):
        raise LedgerError(
            "the lock of this environment was written by a newer Known Good: use that one"
        ) from None
