"""Choose the release to go back to, and plan every move. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from ..cloudflare.errors import CloudflareError
from ..cloudflare.reach import Reach
from ..cloudflare.settings import GOES_BACK, Settings, compare, in_words, read_all, routes_of
from ..concurrent import each
from ..outcome import REFUSED, outcome
from ..recovery.hidden import since, told
from ..release.candidate import Rules
from ..release.choose import Choice, Refusal, choose, floor, pinned
from ..release.model import Release, State
from ..release.plan import Plan, make_plan
from ..release.text import candidate_table, plan_table
from .evidence import gathering
from .options import CLOUDFLARE, COMPONENTS, DATABASES, EVIDENCE, GROUPING, LEDGER, RUN, SIGNALS
from .task import Task, Unreadable

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    **LEDGER,
    **EVIDENCE,
    **SIGNALS,
    "databases": {**DATABASES["databases"], "required": False, "default": []},
    "left_out": {"type": "list", "elements": "str", "default": []},
    "release": {"type": "str", "default": ""},
    "versions": {"type": "dict", "default": {}},
    "plan": {"type": "str", "default": ""},
    "resume": {"type": "str", "default": ""},
    "require_evidence": {"type": "bool", "default": True},
    "min_served": {"type": "float", "default": 0},
    "not_older_than": {"type": "str", "default": ""},
    "served_before": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """Read, group, choose, plan."""
    params = task.params
    environment = params["environment_name"]
    limited = params["left_out"] or None
    with (
        task.journal.stage("plan", environment=environment, check_mode=task.check_mode, left_out=limited),
        gathering(task) as evidence,
    ):
        states = task.states()
        releases = task.releases(states)
        now = datetime.now(UTC)
        try:
            asked = _asked(task)
            made = _plan(task, states, releases, asked)
            _only_what_was_deployed(made, params["served_before"])
        except Refusal as refusal:
            return {"outcome": _refused(task, refusal, now)}
        evidence.plan = made
        table = plan_table(made, now)
        task.journal.write("plan", **made.as_dict())
    result: dict[str, Any] = {
        "plan": made.as_dict(),
        "identities": made.identities,
        "recorded_headers": task.known.headers(
            made.release, {move.component: move.to_id for move in made.moves}
        ),
        "maintenance": told(task.known.maintenance),
        "table": table,
        "asked": asked if params["plan"] else {},
    }
    if task.diff:
        result["diff"] = {
            "before_header": f"{environment}, now",
            "after_header": f"{environment}, plan {made.hash}",
            "before": "".join(f"{move.component}: {move.from_label}\n" for move in made.moves),
            "after": "".join(f"{move.component}: {move.to_label}\n" for move in made.moves),
        }
    return result


def _asked(task: Task) -> dict[str, Any]:
    """The plan that was approved, or the goal of the run that is to be resumed; empty when neither is asked for."""
    params = task.params
    wanted = params["plan"]
    if params["resume"]:
        goal = task.known.goals.get(params["resume"])
        if goal is None:
            raise Refusal(f"the ledger knows no run {params['resume']} that stored a goal", [])
        return dict(goal.body)
    if not wanted:
        return {}
    if not Path(wanted).is_file():
        return {"hash": wanted}
    try:
        told = json.loads(Path(wanted).read_text(encoding="utf-8"))
        return {name: told[name] for name in ("hash", "release", "moves")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Refusal(f"{wanted} is not a plan that plan.yml wrote: {error}", []) from None


def _plan(task: Task, states: Mapping[str, State], releases: list[Release], asked: Mapping[str, Any]) -> Plan:
    """Choose, ask Cloudflare whether that can be reached, and choose again if not."""
    params = task.params
    oldest = params["not_older_than"]
    rules = Rules(
        evidence=params["require_evidence"],
        served=timedelta(seconds=params["min_served"]),
        not_older_than=floor(oldest, releases) if oldest else None,
    )
    here = {item["name"] for item in params["components"]}
    reach = Reach(task.client)
    while True:
        choice = _choice(task, states, releases, asked, rules)
        chosen = choice.candidate
        chosen.versions = {name: version for name, version in chosen.versions.items() if name in here}
        mine = {name: state for name, state in states.items() if name in here}
        made = make_plan(params["environment_name"], mine, releases, choice, left_out=params["left_out"])
        # Both cost some calls, and one does not wait for the other.
        looks: tuple[Callable[[], list[str]], ...] = (
            partial(_unreachable, task, reach, made),
            partial(_stays, task, made),
        )
        found: list[list[str]] = []
        for answer in each(lambda look: look(), looks):
            if isinstance(answer, CloudflareError):
                raise Unreadable([str(answer)])
            if isinstance(answer, Exception):
                raise answer
            found.append(answer)
        why, made.stays = found
        if not why:
            return made
        rules = replace(rules, unreachable={**rules.unreachable, chosen.release.name: "; ".join(why)})


def _choice(
    task: Task, states: Mapping[str, State], releases: list[Release], asked: Mapping[str, Any], rules: Rules
) -> Choice:
    params = task.params
    if "moves" in asked:
        reason = (
            f"asked for: resume={params['resume']}"
            if params["resume"]
            else f"asked for: plan={params['plan']}"
        )
        return pinned(states, releases, task.known, rules, asked, reason, exactly=bool(params["plan"]))
    release = params["release"] or None
    return choose(states, releases, task.known, rules, release=release, versions=params["versions"])


def _only_what_was_deployed(made: Plan, before: Mapping[str, Any]) -> None:
    """Raises :class:`Refusal` for a plan that moves a component which the deploy left as it was."""
    others = [
        move.component
        for move in made.moves
        if move.changes and sorted(id_ for id_, share in move.live if share) == before.get(move.component)
    ]
    if others:
        raise Refusal(
            f"the target, {made.release}, would also move {', '.join(others)}, which the deploy did not change: "
            "what served before the deploy is not the release that is known to be good, so a person decides",
            [],
            next_=f"release={made.release}",
        )


def _unreachable(task: Task, reach: Reach, made: Plan) -> list[str]:
    """Why the targets cannot be put into service; empty when they can."""
    moving = {
        task.component(move.component): (move.to_id, move.live[0][0] if len(move.live) == 1 else None)
        for move in made.moves
        if move.changes
    }
    return [f"{name}: {why}" for name, why in reach.why_unreachable(moving).items()]


def _stays(task: Task, made: Plan) -> list[str]:
    """What the rollback does not take back, as far as the ledger knows how it was; the plan gets what it does."""
    recorded = task.known.release(made.release)
    config = task.known.config(recorded.config) if recorded and recorded.config else None
    if config is None:
        return []
    live = {
        move.component: (task.component(move.component), move.live[0][0])
        for move in made.moves
        if move.changes and move.live
    }
    page = task.known.maintenance
    try:
        now = read_all(task.client, dict(live.values()))
        shown = set(routes_of(task.client, page.worker)) if page and page.worker else set()
    except CloudflareError as error:
        return [f"not known, because it could not be read: {error}"]
    then = {name: Settings.of_dict(config[name]) for name in live if name in config}
    hidden = {name: [route for route in was.routes if route in shown] for name, was in then.items()}
    differences = [
        difference
        for name, was in then.items()
        for difference in compare(
            name, replace(was, routes=tuple(r for r in was.routes if r not in shown)), now[name]
        )
    ]
    made.goes_back = [in_words(each_) for each_ in differences if each_.handled == GOES_BACK]
    stays = [in_words(each_) for each_ in differences if each_.handled != GOES_BACK]
    return stays + [
        f"{name}: route {', '.join(routes)} leads to the maintenance page, {since(told(page))}; a rollback leaves it so"
        for name, routes in hidden.items()
        if routes
    ]


def _refused(task: Task, refusal: Refusal, now: datetime) -> dict[str, Any]:
    environment = task.params["environment_name"]
    table = candidate_table(refusal.candidates, environment, now)
    task.journal.write("plan.refused", why=str(refusal), table=table)
    next_ = "choose one of the releases above" if table else "put right what is said above, then run again"
    if refusal.next:
        next_ = f"ansible-playbook rollback.yml -i {environment} -e {refusal.next}"
        next_ += ", or one of the commands above" if table else ""
    return outcome(REFUSED, str(refusal), next_=next_, details=table)
