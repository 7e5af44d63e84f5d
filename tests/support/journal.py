"""A journal of a test's own."""

from pathlib import Path

from plugins.module_utils.journal import Journal, new_run_id
from plugins.module_utils.redact import Redactor


def journal(folder: Path, secret: str = "") -> Journal:
    return Journal(folder / "runs", new_run_id(), Redactor([secret]))
