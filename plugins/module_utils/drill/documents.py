"""What a drill leaves: a line in the history, an experiment and a journal for Chaos Toolkit, and the page (S107)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from .chaos import experiment_of, journal_of
from .history import append, dates_of, line_of, read_history
from .page import page_of
from .result import Result
from .scenario import Scenario
from .settings import Settings

__all__ = ["PAGE", "document", "write_page"]

PAGE = "drill.html"


def document(
    result: Result,
    scenario: Scenario,
    settings: Settings,
    folder: Path,
    *,
    run: str,
    environment: str,
    start: datetime,
    end: datetime,
) -> None:
    """Write down a scenario, beside the output of what it ran. Raises ``OSError`` when the disk does not take it."""
    append(settings.history, line_of(result, run=run, environment=environment, at=end))
    place = folder / scenario.name
    place.mkdir(parents=True, exist_ok=True)
    experiment = experiment_of(scenario, settings, environment=environment)
    told = {"experiment": experiment, "journal": journal_of(result, experiment, start=start, end=end)}
    for name, content in told.items():
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
        (place / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def write_page(
    results: Sequence[Result],
    scenarios: Mapping[str, Scenario],
    settings: Settings,
    folder: Path,
    *,
    run: str,
    environment: str,
    outcome: Mapping[str, Any],
) -> Path:
    """Write the page of the whole drill. Raises ``OSError``."""
    history = read_history(settings.history)
    page = page_of(
        results,
        scenarios,
        history,
        run=run,
        environment=environment,
        outcome=outcome,
        dates=dates_of(history, environment, settings.every),
    )
    path = folder / PAGE
    path.write_text(page, encoding="utf-8")
    return path
