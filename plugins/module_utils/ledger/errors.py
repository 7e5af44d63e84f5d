"""What can go wrong with a ledger, told apart by what to do next."""

from __future__ import annotations

__all__ = ["Damaged", "LedgerError"]


class LedgerError(Exception):
    """The ledger cannot be read or written; the message says why, and what to change."""


class Damaged(LedgerError):
    """The ledger is not what its writers wrote. The message names the first bad entry and where it is."""
