"""What the run changed: the components of the set, the databases, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..database.words import loss_in_words
from .facts import Event, Facts, plural
from .incident import Component, Database

__all__ = ["components_of", "databases_of", "loss_of"]


def components_of(facts: Facts) -> tuple[Component, ...]:
    """The set as it was planned, each with how far it came."""
    rehearsed = {event.get("component"): event for event in facts.all("rehearsed")}
    switched = {event.get("component"): event for event in facts.all("switch.end")}
    overrode: dict[Any, list[str]] = {}
    for event in facts.all("switch.end"):
        overrode.setdefault(event.get("component"), []).extend(event.get("overrode") or [])
    probed = {event.get("component"): event for event in facts.all("probe", stage="validate")}
    found = []
    for move in facts.last("plan").get("moves") or []:
        name = str(move.get("component", ""))
        end, rehearsal = switched.get(name, {}), rehearsed.get(name, {})
        seconds = end.get("seconds")
        found.append(
            Component(
                name,
                str(move.get("kind", "")),
                str(move.get("target", "")),
                str(move.get("from_label", "")),
                str(move.get("to_label", "")),
                str(move.get("to_id", "")),
                (move.get("identity") or {}).get("commit"),
                str(move.get("method", "")),
                _state(move, end, facts),
                seconds if isinstance(seconds, int | float) else None,
                str(rehearsal.get("verdict", "")),
                str(probed.get(name, {}).get("verdict", "")),
                str(end.get("problem") or rehearsal.get("why") or ""),
                tuple(overrode.get(name, ())),
                bool(move.get("secret_changed")),
                move.get("from_commit"),
            )
        )
    return tuple(found)


def _state(move: Event, end: Event, facts: Facts) -> str:
    if move.get("method") == "none":
        return "already"
    if not end:
        begun = [
            event for event in facts.all("switch.start") if event.get("component") == move.get("component")
        ]
        return "not known" if begun else "not reached"
    if end.get("state") in ("moved", "already") and end.get("where") == move.get("to_id"):
        return str(end["state"])
    if end.get("state") in ("moved", "already"):
        return "put back"
    return "not known" if end.get("state") == "unknown" else "not moved"


def databases_of(facts: Facts, environment: str) -> tuple[Database, ...]:
    """The databases as they were planned, each with what was done, lost and kept."""
    moved = {event.get("database"): event for event in facts.all("database.moved")}
    failed = {event.get("database"): event for event in facts.all("database.failed")}
    begun = {event.get("database") for event in facts.all("database.rewind")}
    under_way = facts.unfinished_stage == "databases.move"
    found = []
    for item in facts.last("databases.plan").get("databases") or []:
        name, method = str(item.get("name", "")), str(item.get("method", ""))
        done, problem = moved.get(name), failed.get(name, {}).get("problem", "")
        if done:
            state = "done"
        elif problem:
            state = "failed"
        elif method == "nothing":
            state = "nothing to do"
        else:
            state = "unfinished" if under_way or name in begun else "not done"
        losses = (done or item).get("losses") or []
        undo = f"ansible-playbook rollback.yml -i {environment} -e undo={facts.events[0].get('run', '')}"
        found.append(
            Database(
                name,
                str(item.get("kind", "")),
                method,
                str(item.get("why", "")),
                state,
                tuple(str(each) for each in item.get("since") or ()),
                tuple(loss_in_words(loss) for loss in losses),
                _rows(losses),
                all(loss.get("exact") for loss in losses),
                tuple(str(path) for path in (done or {}).get("kept") or ()),
                undo if done and done.get("undo") else "",
                str((item.get("earlier") or {}).get("what", "")),
                str(problem),
            )
        )
    return tuple(found)


def _rows(losses: Sequence[Event]) -> int | None:
    rows = [loss.get("rows") for loss in losses]
    return None if any(not isinstance(each, int) for each in rows) else sum(each for each in rows if each)


def loss_of(databases: Sequence[Database], facts: Facts) -> str:
    """One statement about data. That nothing was lost is said only where nothing was put back to an earlier state."""
    back = facts.all("database.undo") or facts.stage("databases.undo")
    if back:
        return "The data that was set aside serves again; what was written since is set aside in its turn."
    if not databases:
        return "No database is part of this run, so it took no data away."
    unclear = [each.name for each in databases if each.state in ("failed", "unfinished")]
    if unclear:
        return f"Not known: the change of {', '.join(unclear)} did not come to its end."
    done = [each for each in databases if each.state == "done" and each.method != "nothing"]
    if not done:
        planned = [each for each in databases if each.state == "not done"]
        if planned:
            return "No data was lost: the databases that were to go back were not touched."
        return "No data was lost: no database had to go back, and none was touched."
    return " ".join(_one_loss(each) for each in done)


def _one_loss(database: Database) -> str:
    how = {
        "rewind": f"{database.name} was restored to an earlier state ({database.earlier})",
        "down": f"{database.name} went down by {plural(len(database.since), 'migration')}",
    }.get(database.method, f"{database.name}: {database.method}")
    if not database.losses:
        return f"{how}; no row was found that was written since."
    if database.rows_lost is None:
        lost = "an unknown number of rows is lost"
    else:
        bound = "" if database.exact else "up to "
        lost = f"{bound}{plural(database.rows_lost, 'row')} {'is' if database.rows_lost == 1 else 'are'} lost"
    kept = f", kept in {plural(len(database.kept), 'file')}" if database.kept else ", and not kept"
    return f"{how}; {lost}{kept}."
