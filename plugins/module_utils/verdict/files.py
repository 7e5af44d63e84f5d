"""A whole validation as JSON and as JUnit, from the events of its journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..journal import Journal, read
from .whole import worst

__all__ = ["checks_of", "document", "junit", "write", "write_for"]

# What a reader of JUnit makes of it: an error is not known to be right or wrong, and never counts as passed.
_ELEMENTS = {"fail": "failure", "inconclusive": "error", "not applicable": "skipped"}


def checks_of(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The last result of every check: ``component``, ``check``, ``verdict``, ``detail``, and the figures behind it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    stage = ""
    for event in events:
        kind, problems = event["event"], "; ".join(map(str, event.get("problems") or ()))
        if kind == "stage.start":
            stage = event["stage"]
        if kind == "probe" and stage == "validate" and not event.get("unseen"):
            figures = {name: event[name] for name in ("attempts", "seconds", "version") if name in event}
            check = {"component": event["component"], "check": "health", "verdict": event["verdict"]}
            check |= {"detail": problems, **figures}
        elif kind == "database.checked":
            check = {"component": event["database"], "check": "database", "verdict": event["verdict"]}
            check |= {"detail": problems, "level": event.get("level")}
        elif kind in ("check", "rates"):
            check = {name: value for name, value in event.items() if name not in _ABOUT_THE_EVENT}
        else:
            continue
        found[check["component"], check["check"]] = check
    return list(found.values())


_ABOUT_THE_EVENT = ("seq", "run", "time", "elapsed", "event", "prev", "lost", "monotonic", "quiet")


def document(run: str, checks: list[dict[str, Any]]) -> dict[str, Any]:
    """``run``, ``verdict`` (the worst), ``checks``."""
    return {"run": run, "verdict": worst(check["verdict"] for check in checks), "checks": checks}


def junit(run: str, checks: list[dict[str, Any]]) -> bytes:
    """A test suite for the run, a test case for each check."""
    names = [_ELEMENTS.get(check["verdict"]) for check in checks]
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    suite = Element(
        "testsuite",
        {"name": f"validation {run}", "tests": str(len(checks))}
        | {plural: str(names.count(one)) for plural, one in counts.items()},
    )
    for check, name in zip(checks, names, strict=True):
        case = SubElement(suite, "testcase", {"classname": check["component"], "name": check["check"]})
        if check.get("seconds") is not None:
            case.set("time", str(check["seconds"]))
        detail = _printable(str(check.get("detail") or ""))
        if name:
            SubElement(case, name, {"message": detail})
        elif detail:
            SubElement(case, "system-out").text = detail
    indent(suite)
    text: bytes = tostring(suite, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def write(folder: Path, run: str, events: Iterable[Mapping[str, Any]]) -> dict[str, Path]:
    """Write ``validation.json`` and ``validation.xml`` into a folder; where they are. Raises OSError."""
    checks = checks_of(events)
    text = json.dumps(document(run, checks), indent=2, ensure_ascii=False) + "\n"
    contents = {"json": text.encode(errors="backslashreplace"), "xml": junit(run, checks)}
    written = {}
    for kind, content in contents.items():
        path = folder / f"validation.{kind}"
        # A reader finds the old file or the new one, never half of one.
        half = path.with_suffix(f".{kind}.new")
        half.write_bytes(content)
        half.replace(path)
        written[kind] = path
    return written


def write_for(journal: Journal) -> dict[str, str]:
    """Write them beside the journal of a run, by kind where they are. They never hold up what they tell of."""
    try:
        files = write(journal.path.parent, journal.run, read(journal.path))
    except (OSError, ValueError) as error:
        journal.write("validation.trouble", why=str(error))
        return {}
    return {kind: str(path) for kind, path in files.items()}


def _printable(text: str) -> str:
    """XML 1.0 has no way to write control characters."""
    return "".join(
        char
        if char in "\t\n" or " " <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char > "\uffff"
        else "?"
        for char in text
    )
