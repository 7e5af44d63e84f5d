"""The report as one HTML page: no file beside it, no script, nothing fetched."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from .blocks import Code, Items, Links, Table, Text, Ticks, Titled, Toned
from .chart import budget_chart, run_chart
from .incident import Incident
from .page_template import TEMPLATE
from .plain import day, plain, seconds
from .seal import Verified
from .sections import sections_of
from .times import PROOF

__all__ = ["page_of"]

_TONES = {
    "good": (
        "pass",
        "kept",
        "moved",
        "already",
        "done",
        "HEALTHY",
        "RESOLVED",
        "COMPLETED",
        "nothing to do",
        "intact, closed and signed",
    ),
    "warn": (
        "inconclusive",
        "not known",
        "not done",
        "DEGRADED",
        "MITIGATING",
        "IN-PROGRESS",
        "UNKNOWN",
        "MEDIUM",
    ),
    "bad": (
        "fail",
        "refused",
        "broken",
        "failed",
        "unfinished",
        "DOWN",
        "INVESTIGATING",
        "FAILED",
        "CRITICAL",
    ),
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words}


def page_of(incident: Incident, verified: Verified | None = None) -> str:
    """The page, the verdict first: what happened, whether it is over, what is next."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, finalize=_harmless)
    environment.tests |= {
        "code": lambda block: isinstance(block, Code),
        "table": lambda block: isinstance(block, Table),
        "items": lambda block: isinstance(block, Items),
        "toned": lambda value: isinstance(value, Toned),
        "titled": lambda block: isinstance(block, Titled),
        "links": lambda block: isinstance(block, Links),
        "copied": lambda block: isinstance(block, Text),
        "ticks": lambda block: isinstance(block, Ticks),
    }
    environment.filters["day"] = day
    return environment.from_string(TEMPLATE).render(
        incident=incident,
        sections=sections_of(incident, verified),
        figures=_figures(incident),
        tone=_tone(incident),
        tone_of=_TONE_OF,
        run_chart=run_chart(incident),
        budget_chart=budget_chart(incident.budgets),
    )


def _harmless(value: Any) -> Any:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _tone(incident: Incident) -> str:
    if incident.status == "RESOLVED":
        return "good"
    return (
        "warn"
        if incident.rollback_status != "FAILED" or incident.ended in ("REFUSED", "NOT BEGUN", "CANCELLED")
        else "bad"
    )


def _figures(incident: Incident) -> list[tuple[str, str, str]]:
    """The four figures that are asked for first: figure, what it is, and a note."""
    proof = next(each for each in incident.measures if each.name == PROOF)
    moving = [each for each in incident.components if each.method != "none"]
    moved = sum(each.state == "moved" for each in moving)
    kept = sum(each.verdict == "kept" for each in incident.budgets)
    broken = sum(each.verdict == "broken" for each in incident.budgets)
    open_ = len(incident.budgets) - kept - broken
    return [
        (
            seconds(proof.seconds),
            "from the command to the proof",
            "" if proof.seconds else "it was not proved",
        ),
        (f"{moved} of {len(moving)}", "components moved", f"{len(incident.components)} in the set"),
        (*_rows(incident), incident.loss if len(incident.loss) < 90 else "what exactly is under Data"),
        (
            f"{kept} of {len(incident.budgets)}",
            "budgets kept",
            f"{broken} broken, {open_} not known or not done",
        ),
    ]


def _rows(incident: Incident) -> tuple[str, str]:
    if any(each.state in ("failed", "unfinished") for each in incident.databases):
        return "not known", "rows lost"
    lost = [each for each in incident.databases if each.state == "done" and each.losses]
    if any(each.rows_lost is None for each in lost):
        return "not known", "rows lost"
    count = sum(each.rows_lost or 0 for each in lost)
    bound = "" if all(each.exact for each in lost) else "up to "
    where = " (kept in files)" if lost and all(each.kept for each in lost) else ""
    return f"{bound}{count}", f"rows lost{where}"
