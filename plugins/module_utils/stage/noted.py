"""The note in the ledger that the maintenance page is shown, for every run that meets it later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..ledger.errors import LedgerError
from .task import Task

__all__ = ["has_ledger", "note"]


def has_ledger(task: Task) -> bool:
    """Whether there is a ledger that outlives the run."""
    return bool(task.params["ledger"]) and task.params["ledger"]["backend"] != "none"


def note(task: Task, body: Mapping[str, Any]) -> str:
    """Write it down, or take it away; why that is not possible. A page must not wait for a ledger."""
    try:
        if body["on"] or task.ledger.view().maintenance is not None:
            task.ledger.append(("maintenance", {**body, "run": task.journal.run}))
    except LedgerError as error:
        task.journal.write("ledger.trouble", why=str(error))
        return f"the ledger was not written: {error}"
    return ""
