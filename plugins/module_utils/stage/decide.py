"""Whether a rollback that nobody typed should go ahead. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..concurrent import each
from ..incident import TRIGGERS
from ..outcome import DECLINED, outcome
from ..probe.check import check
from ..probe.contract import Contract
from ..recovery.hidden import for_whom, hidden, told
from .options import CLOUDFLARE, COMPONENTS, DATABASES, GROUPING, LEDGER, PROBING, RUN, THIRD_PARTIES
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **GROUPING,
    **LEDGER,
    **PROBING,
    **THIRD_PARTIES,
    "databases": {**DATABASES["databases"], "required": False, "default": []},
    "trigger": {"type": "str", "choices": list(TRIGGERS), "default": "deploy"},
    "incident": {"type": "str", "default": ""},
    "attempts": {"type": "int", "default": 1},
    "cooldown": {"type": "float", "default": 1800},
    "cap": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "count": {"type": "int", "default": 3},
            "seconds": {"type": "float", "default": 86400},
        },
    },
    "ask": {"type": "str", "default": ""},
    "joined": {"type": "str", "default": ""},
}


def work(task: Task) -> dict[str, Any]:
    """The first reason not to go ahead decides; without one the run goes on."""
    environment = task.params["environment_name"]
    with task.journal.stage(
        "decide", trigger=task.params["trigger"], incident=task.params["incident"] or None
    ):
        for reason in _reasons(task):
            task.journal.write("declined", why=reason)
            return {
                "declined": reason,
                "outcome": outcome(
                    DECLINED,
                    f"nothing was changed: {reason}",
                    next_=f"a person may decide otherwise: ansible-playbook rollback.yml -i {environment}",
                ),
            }
    return {"declined": None}


def _reasons(task: Task) -> Iterator[str]:
    if _is_done(task):
        # Another run did it while this one waited for the lock: what is left is to see that it works.
        return iter(())
    looks: tuple[Callable[[Task], str | None], ...] = (
        lambda task: task.params["ask"] or None,
        _tried_before,
        _behind_the_page,
        _changed_nothing,
        _third_party,
        _database,
    )
    return (reason for look in looks if (reason := look(task)) is not None)


def _is_done(task: Task) -> bool:
    """Whether the run that this one waited for arrived, and what it moved to serves."""
    goal = task.known.goals.get(task.params["joined"])
    if goal is None or goal.end is None or not goal.end.get("at_target"):
        return False
    live = {name: state.live.sole if state.live else None for name, state in task.states().items()}
    return all(live.get(move["component"]) == move["to_id"] for move in goal.body["moves"])


def _tried_before(task: Task) -> str | None:
    """A rollback that did not help once does not help by being repeated."""
    incident, now = task.params["incident"], datetime.now(UTC)
    # What a drill did is no reason to leave a real incident to itself.
    automatic = [goal for goal in task.known.goals.values() if goal.body.get("automatic")]
    runs = [goal for goal in automatic if not goal.body.get("drill")]
    mine = [goal for goal in runs if incident and goal.body.get("incident") == incident]
    if len(mine) >= task.params["attempts"]:
        return f"incident {incident} has had its {len(mine)} automatic rollback(s), the last is run {mine[-1].run}"
    pause = timedelta(seconds=task.params["cooldown"])
    newest = max((goal.time for goal in runs), default=None)
    if newest is not None and now - newest < pause:
        ago = int((now - newest).total_seconds())
        return f"the last automatic rollback began {ago} s ago, and {pause.total_seconds():.0f} s must pass between two"
    cap = task.params["cap"]
    recent = [goal for goal in runs if now - goal.time < timedelta(seconds=cap["seconds"])]
    if len(recent) >= cap["count"]:
        return (
            f"there were {len(recent)} automatic rollbacks in {cap['seconds']:.0f} s, and no more are allowed"
        )
    return None


def _behind_the_page(task: Task) -> str | None:
    """Whoever put the page there is at work; what it says is no word on the release, and nothing could be proved."""
    page = told(task.known.maintenance)
    behind = hidden(task.connector, page, task.asked)
    return f"{for_whom(behind, page)}, so somebody is at work" if behind else None


def _changed_nothing(task: Task) -> str | None:
    """A deploy that failed before it changed anything left a good release in service."""
    if task.params["trigger"] != "deploy":
        return None
    known = task.known
    newest = next((release for release in known.releases), None)
    if newest is None or newest.evidence is None or newest.evidence.verdict != "pass":
        return None
    if known.condemned_release(newest.name) is not None:
        return None
    live = {name: state.live.sole if state.live else None for name, state in task.states().items()}
    if all(newest.versions.get(name) == version for name, version in live.items()):
        return f"the failed deploy changed nothing: every component serves {newest.name}, which is known to be good"
    return None


def _third_party(task: Task) -> str | None:
    parties = task.params["third_parties"]

    def ask(party: Mapping[str, Any]) -> str | None:
        contract = Contract.of(party["health"])
        done = check(
            task.connector, party["name"], contract, task.limits, identity=None, journal=task.journal
        )
        return None if done.verdict == "pass" else "; ".join(done.problems)

    for party, found in zip(parties, each(ask, parties), strict=True):
        if isinstance(found, Exception):
            raise found
        if found is not None:
            return f"{party['name']} is not well, which is not ours to roll back: {found}"
    return None


def _database(task: Task) -> str | None:
    def ask(declared: Mapping[str, Any]) -> None:
        with task.database(declared) as database:
            database.driver.status()

    declared = task.params["databases"]
    for database, found in zip(declared, each(ask, declared), strict=True):
        if isinstance(found, Exception):
            return f"{database['name']} does not answer, and older code would not reach it either: {found}"
    return None
