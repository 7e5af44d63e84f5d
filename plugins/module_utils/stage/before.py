"""Look at every component as it is before the change, so that it can be said what the change did to it."""

from __future__ import annotations

import time
from typing import Any

from ..concurrent import each
from ..probe.connect import Connector, NoAnswer
from ..probe.contract import Contract, said_version
from ..probe.posture import Posture
from .options import COMPONENTS, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {**RUN, **COMPONENTS, **PROBING}


def work(task: Task) -> dict[str, Any]:
    """One question to each, all at once. What does not answer in time is not known, and nothing waits for it."""
    probing = task.params["probing"]
    asked = task.asked
    ends = time.monotonic() + probing["seconds"]

    def look(contract: Contract) -> Posture:
        left = ends - time.monotonic()
        if left <= 0:
            raise NoAnswer("no time was left to ask")
        connector = Connector(connect_to=probing["connect_to"], ca_file=probing["ca_file"], timeout=left)
        answer = connector.get(contract.url)
        version = said_version(contract, answer)
        return Posture.of(answer, own=answer.status in contract.status, version=version)

    seen: dict[str, dict[str, Any]] = {}
    with task.journal.stage("before"):
        for name, found in zip(asked, each(look, asked.values()), strict=True):
            if isinstance(found, Exception):
                # Whatever it is: that it is not known how it was before must not keep anybody from rolling back.
                why = str(found) if isinstance(found, NoAnswer) else f"{type(found).__name__}: {found}"
                task.journal.write("before", component=name, known=False, why=why)
            else:
                seen[name] = found.as_dict()
                task.journal.write("before", component=name, known=True, **seen[name])
    return {"seen": seen}
