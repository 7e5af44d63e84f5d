"""Plans and releases as lines of text, for the terminal and for error messages."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from datetime import datetime

from .candidate import Candidate
from .plan import Plan

__all__ = ["age", "candidate_table", "columns", "plan_table"]


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest fitting unit: ``40 s``, ``12 min``, ``3 h``, ``9 d``."""
    seconds = max(0, int((now - moment).total_seconds()))
    for limit, divisor, unit in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // divisor} {unit}"
    return f"{seconds // 86400} d"


def plan_table(plan: Plan, now: datetime) -> list[str]:
    """The plan as lines of text."""
    rows = [("component", "from", "to", "age", "how", "why")]
    for move in plan.moves:
        made = datetime.fromisoformat(move.to_created)
        note = "; a secret was changed since" if move.secret_changed else ""
        rows.append(
            (move.component, move.from_label, move.to_label, age(made, now), move.method, move.why + note)
        )
    lines = columns(rows)
    lines += [f"passed over: {item['release']}: {item['why']}" for item in plan.skipped]
    lines += [f"stays as it is: {text}" for text in plan.stays]
    if plan.left_out:
        lines.append(f"not in this run, so the set stays incomplete: {', '.join(plan.left_out)}")
    return lines


def candidate_table(candidates: list[Candidate], environment: str, now: datetime) -> list[str]:
    """All releases as lines, each with the exact command that goes to it."""
    rows = [("release", "age", "components", "", "command")]
    for candidate in candidates[:20]:
        name = candidate.release.name
        extra = {"release": name} if candidate.broken is None else {"versions": _newest(candidate)}
        command = f"ansible-playbook rollback.yml -i {environment} -e {shlex.quote(json.dumps(extra))}"
        rows.append(
            (
                name,
                age(candidate.release.finished, now),
                str(len(candidate.release.members)),
                candidate.objection or candidate.not_proved or "can be a target",
                command,
            )
        )
    return columns(rows)


def _newest(candidate: Candidate) -> dict[str, str]:
    return {name: members[0].id for name, members in sorted(candidate.release.members.items())}


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows as aligned columns, two blanks between them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
