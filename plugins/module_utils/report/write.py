"""All forms of a run's report, from its journal to files."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .ics import ics_of
from .incident import Incident
from .markdown import markdown_of
from .model import incident_of
from .page import page_of
from .seal import NotUsable, Verified, verify_bytes
from .text import text_of

__all__ = ["Written", "json_of", "write_all"]

_FORMS: dict[str, Callable[[Incident, Verified], str]] = {
    "incident.html": page_of,
    "incident.md": markdown_of,
    "incident.json": lambda incident, verified: json_of(incident, verified),
    "incident.txt": lambda incident, _: text_of(incident),
    "review.ics": lambda incident, _: ics_of(incident),
}


@dataclass(frozen=True, slots=True)
class Written:
    """``files`` by name, and in ``problems`` a sentence for each that could not be written."""

    files: dict[str, Path]
    problems: list[str]


def json_of(incident: Incident, verified: Verified | None = None) -> str:
    """The incident as JSON, keys sorted, with what became of the journal under ``journal``."""
    told = asdict(incident) | {"journal": asdict(verified) if verified else None}
    return json.dumps(told, indent=2, sort_keys=True, ensure_ascii=False, default=str) + "\n"


def write_all(journal: Path, folder: Path) -> Written:
    """Write the report of a journal in every form; each file is there whole, or as it was before.

    A disk that is full or not there does not raise: a rollback does not fail because of its report.
    Raises :class:`NotUsable` when the journal itself cannot be read, or has no record.
    """
    try:
        data = journal.read_bytes()
    except OSError as error:
        raise NotUsable(f"the journal {journal} cannot be read: {error.strerror}") from None
    verified = verify_bytes(data)
    try:
        incident = incident_of(_events(data))
    except ValueError as error:
        raise NotUsable(f"{journal}: {error}") from None
    written = Written({}, [])
    for name, form in _FORMS.items():
        try:
            written.files[name] = _put(folder / name, form(incident, verified))
        except OSError as error:
            written.problems.append(f"{folder / name} was not written: {error.strerror}")
    return written


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    """The records that can be read. What cannot, and the end that a kill tore off, the verdict on the journal names."""
    for line in data.split(b"\n"):
        with suppress(ValueError):
            record = json.loads(line)
            if isinstance(record, dict):
                yield record


def _put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(new, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(text.encode(errors="backslashreplace"))
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    return path
