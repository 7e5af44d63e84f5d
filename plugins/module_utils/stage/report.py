"""Close the journal of a run, and write its incident report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..report.archive import NotArchived, archive
from ..report.seal import NotUsable, close, load_or_make_key
from ..report.write import write_all
from .options import RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    "signing_key": {"type": "path", "default": ""},
    "archive": {
        "type": "dict",
        "options": {"repository": {"type": "str", "required": True, "no_log": True}},
    },
}


def work(task: Task) -> dict[str, Any]:
    """The last stage of a run: nothing is written to the journal after it."""
    if task.check_mode:
        return {}
    problems: list[str] = []
    key = Path(task.params["signing_key"] or Path(task.params["runs_dir"]) / "signing.pem")
    try:
        close(task.journal, load_or_make_key(key))
    except NotUsable as error:
        problems.append(f"the journal is not signed: {error}")
    files: dict[str, str] = {}
    try:
        written = write_all(task.journal.path, task.journal.path.parent / "report")
        files = {name: str(path) for name, path in written.files.items()}
        problems += written.problems
    except NotUsable as error:
        problems.append(f"there is no report: {error}")
    result: dict[str, Any] = {"report": files.get("incident.html"), "files": files, "changed": bool(files)}
    if task.params["archive"]:
        kept = {
            "journal.jsonl": task.journal.path,
            **{f"report/{name}": Path(at) for name, at in files.items()},
        }
        try:
            result["archive"] = archive(
                task.params["archive"]["repository"], task.params["environment_name"], task.journal.run, kept
            )
        except NotArchived as error:
            problems.append(str(error))
    return {**result, "warnings": problems} if problems else result
