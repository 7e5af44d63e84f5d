"""What is live, since when, by whom, and which release it belongs to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..outcome import DONE, outcome
from ..release.status import identities, status_rows, status_table
from .options import CLOUDFLARE, COMPONENTS, GROUPING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {**RUN, **CLOUDFLARE, **COMPONENTS, **GROUPING}


def work(task: Task) -> dict[str, Any]:
    """Read and describe."""
    environment = task.params["environment_name"]
    with task.journal.stage("status", environment=environment):
        states = task.states()
        releases = task.releases(states)
        release, rows = status_rows(states, releases)
    task.journal.write("status", release=release, components=rows)
    misfits = [row["component"] for row in rows if row["problem"]]
    serves = f"{environment} serves {release}" if release else f"{environment} serves no release"
    return {
        "release": release,
        "whole": not misfits,
        "components": rows,
        "identities": identities(states, releases),
        "outcome": outcome(
            DONE,
            f"{serves}, except {', '.join(misfits)}" if misfits else serves,
            next_=f"ansible-playbook validate.yml -i {environment}",
            details=status_table(rows, datetime.now(UTC)),
        ),
    }
