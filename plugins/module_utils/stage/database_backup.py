"""Back up the PostgreSQL databases, and prove that the backups can be restored (S130)."""

from __future__ import annotations

from typing import Any

from ..concurrent import each
from ..outcome import DONE, FAILED, outcome
from ..release.text import columns
from .options import CLOUDFLARE, DATABASES, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {**RUN, **CLOUDFLARE, **DATABASES}


def work(task: Task) -> dict[str, Any]:
    """All at once. D1 needs none: Time Travel is always on."""
    from ..database.postgres import ManagedPostgres

    todo = [item for item in task.params["databases"] if item["kind"] == "postgres"]
    again = f"ansible-playbook backup.yml -i {task.params['environment_name']}"
    if task.check_mode or not todo:
        names = ", ".join(item["name"] for item in todo)
        said = (
            f"only a check: {names} would be backed up"
            if todo
            else "nothing to do: no PostgreSQL is declared"
        )
        return {"backups": [], "outcome": outcome(DONE, said, next_=again)}

    def one(declared: dict[str, Any]) -> dict[str, Any]:
        with task.database(declared) as database:
            assert isinstance(database, ManagedPostgres)
            return {"name": declared["name"], **database.back_up()}

    with task.journal.stage("backup"):
        made = each(one, todo)
    failed = [
        f"{item['name']}: {done}"
        for item, done in zip(todo, made, strict=True)
        if isinstance(done, Exception)
    ]
    good = [done for done in made if not isinstance(done, Exception)]
    rows = [("database", "rows", "tables", "pg_amcheck", "backup")]
    rows += [(b["name"], str(b["rows"]), str(b["tables"]), b["amcheck"], b["path"]) for b in good]
    details = [*columns(rows), *failed]
    if failed:
        end = outcome(
            FAILED,
            f"{len(failed)} of {len(todo)} databases have no proved backup",
            next_=again,
            details=details,
        )
    else:
        end = outcome(
            DONE, f"{len(good)} backup(s) made, and proved by restoring", next_=again, details=details
        )
    return {"changed": bool(good), "backups": good, "outcome": end}
