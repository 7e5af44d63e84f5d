"""Choose the release to go back to, and plan every move. Changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ..outcome import DONE, REFUSED, outcome
from ..release.choose import Refusal, choose
from ..release.plan import make_plan
from ..release.text import candidate_table, plan_table
from .options import CLOUDFLARE, COMPONENTS, GROUPING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    "left_out": {"type": "list", "elements": "str", "default": []},
    "release": {"type": "str", "default": ""},
    "versions": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """Read, group, choose, plan."""
    params = task.params
    environment = params["environment_name"]
    limited = params["left_out"] or None
    with task.journal.stage("plan", environment=environment, check_mode=task.check_mode, left_out=limited):
        states = task.states()
        releases = task.releases(states)
        now = datetime.now(UTC)
        try:
            choice = choose(states, releases, release=params["release"] or None, versions=params["versions"])
        except Refusal as refusal:
            table = candidate_table(refusal.candidates, environment, now)
            task.journal.write("plan.refused", why=str(refusal), table=table)
            return {
                "outcome": outcome(
                    REFUSED, str(refusal), next_="choose one of the releases above", details=table
                )
            }
        here = {item["name"] for item in params["components"]}
        chosen = choice.candidate
        chosen.versions = {name: version for name, version in chosen.versions.items() if name in here}
        mine = {name: state for name, state in states.items() if name in here}
        made = make_plan(environment, mine, releases, choice, left_out=params["left_out"])
        table = plan_table(made, now)
        task.journal.write("plan", **made.as_dict())
    result: dict[str, Any] = {"plan": made.as_dict(), "identities": made.identities, "table": table}
    if task.diff:
        result["diff"] = {
            "before_header": f"{environment}, now",
            "after_header": f"{environment}, plan {made.hash}",
            "before": "".join(f"{move.component}: {move.from_label}\n" for move in made.moves),
            "after": "".join(f"{move.component}: {move.to_label}\n" for move in made.moves),
        }
    if task.check_mode:
        would = f"would go to {made.release}" if made.changes else f"serves {made.release} already"
        after = f"ansible-playbook rollback.yml -i {environment}"
        result["outcome"] = outcome(
            DONE, f"only a check, nothing was changed: {environment} {would}", next_=after
        )
    return result
