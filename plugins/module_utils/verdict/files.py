"""A whole validation as JSON, as JUnit and as a page, from the events of its journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from ..journal import Journal, read
from .page import page
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
            figures = {name: event[name] for name in _FIGURES if event.get(name) not in (None, [])}
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


_FIGURES = ("attempts", "earlier", "seconds", "version", "tls_days")


def document(run: str, checks: list[dict[str, Any]], environment: str = "") -> dict[str, Any]:
    """``run``, ``environment``, ``verdict`` (the worst), ``checks``."""
    return {
        "run": run,
        "environment": environment,
        "verdict": worst(checks),
        "checks": checks,
    }


def junit(run: str, checks: list[dict[str, Any]]) -> bytes:
    """A test suite for the run, a test case for each check."""
    names = ["skipped" if check.get("remark") else _ELEMENTS.get(check["verdict"]) for check in checks]
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
    """Write ``validation.json``, ``.xml`` and ``.html`` into a folder; where they are. Raises OSError."""
    told = list(events)
    checks = checks_of(told)
    environment = next((str(event["environment"]) for event in told if event.get("environment")), "")
    time = next((str(event["time"]) for event in told if event.get("time")), "")
    text = json.dumps(document(run, checks, environment), indent=2, ensure_ascii=False) + "\n"
    shown = page(run, checks, environment=environment, time=time)
    contents = {
        "json": text.encode(errors="backslashreplace"),
        "xml": junit(run, checks),
        "html": shown.encode(errors="backslashreplace"),
    }
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
