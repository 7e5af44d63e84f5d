"""The run drawn: stages and events on one time axis, and the budgets as bars. Inline SVG, any width.

Places are per cent of the width and letters keep their size, so the same drawing serves a phone, a desk and paper.
"""

from __future__ import annotations

from markupsafe import Markup, escape

from .incident import Budget, Incident, Phase
from .plain import plain, seconds

__all__ = ["budget_chart", "run_chart"]

_ROW = 36
_NAMES = {
    "plan": "Plan",
    "decide": "Decide",
    "databases": "Plan the databases",
    "rehearse": "Rehearse unseen",
    "databases.move": "Move the databases",
    "databases.undo": "Undo of the databases",
    "switch": "Switch",
    "put back": "Put routes and crons back",
    "databases.check": "Check the databases",
    "before": "Look at it before",
    "flows.before": "Flows before",
    "validate": "Validate by use",
    "flows": "Flows of users",
    "rates": "Error rates and latency",
    "signals": "Signals",
    "watch": "Watch",
    "recovery": "Recovery",
    "maintenance": "Maintenance page",
    "routes": "Routes",
    "dns": "DNS",
    "escalate": "Call everybody",
}
_TONES = {True: "good", False: "bad", None: "warn"}
_VERDICTS = {"kept": "good", "broken": "bad"}


def run_chart(incident: Incident) -> Markup:
    """A bar for every stage, a dot for every event that is good or bad news. Empty for a run without stages."""
    phases = incident.phases
    if not phases:
        return Markup("")
    # What comes long after the stages, as a receipt may, would press them into a corner.
    whole = max(0.001, *(phase.ends for phase in phases)) * 1.02
    height = (len(phases) + 1) * _ROW + 26
    parts = [_grid(whole, height)]
    parts += [_bar(phase, number * _ROW, whole) for number, phase in enumerate(phases)]
    parts.append(_dots(incident, len(phases) * _ROW, whole))
    described = f"{len(phases)} stages in {seconds(whole)}"
    return _svg(height, "What took how long", described, Markup("").join(parts))


def budget_chart(budgets: tuple[Budget, ...]) -> Markup:
    """How much of each budget was used."""
    parts = []
    for number, budget in enumerate(budgets):
        y = number * _ROW
        used = 0.0 if budget.actual is None else min(100.0, 100 * budget.actual / budget.seconds)
        tone = _VERDICTS.get(budget.verdict, "plain")
        actual = "not measured" if budget.actual is None else seconds(budget.actual)
        parts.append(_label(y, budget.name, f"{actual} of {seconds(budget.seconds)}: {budget.verdict}"))
        parts.append(
            Markup('<rect class="track" x="0" y="{}" width="100%" height="8" rx="3"/>').format(y + 20)
        )
        if budget.actual is not None:
            parts.append(_rect(y, 0, used, tone))
    return _svg(len(budgets) * _ROW, "Budgets", "planned against actual", Markup("").join(parts))


def _svg(height: int, title: str, described: str, inside: Markup) -> Markup:
    return Markup('<svg width="100%" height="{}" role="img" aria-label="{}: {}">{}</svg>').format(
        height, title, described, inside
    )


def _grid(whole: float, height: int) -> Markup:
    parts = []
    for half in range(3):
        x = f"{50 * half}%"
        anchor = ("start", "middle", "end")[half]
        parts.append(
            Markup('<line class="grid" x1="{0}" x2="{0}" y1="0" y2="{1}"/>').format(x, height - 18)
            + Markup('<text class="axis" x="{}" y="{}" text-anchor="{}">{}</text>').format(
                x, height - 4, anchor, f"{whole * half / 2:.1f} s"
            )
        )
    return Markup("").join(parts)


def _bar(phase: Phase, y: int, whole: float) -> Markup:
    name = _NAMES.get(phase.name, phase.name)
    took = seconds(phase.ends - phase.begins)
    said = took if phase.ok is not None else f"{took}, did not end"
    width = 100 * (phase.ends - phase.begins) / whole
    return _label(y, name, said) + _rect(y, 100 * phase.begins / whole, width, _TONES[phase.ok])


def _label(y: int, left: str, right: str) -> Markup:
    return Markup(
        '<text x="0" y="{0}">{1}</text><text class="took" x="100%" y="{0}" text-anchor="end">{2}</text>'
    ).format(y + 13, escape(plain(left)), escape(plain(right)))


def _rect(y: int, x: float, width: float, tone: str) -> Markup:
    # What is over in an instant must still be seen.
    return Markup('<rect class="{}" x="{:.2f}%" y="{}" width="{:.2f}%" height="8" rx="3"/>').format(
        tone, min(x, 99.2), y + 20, max(width, 0.8)
    )


def _dots(incident: Incident, y: int, whole: float) -> Markup:
    parts = [_label(y, "Events", "")]
    for entry in incident.timeline:
        if entry.elapsed is not None and entry.elapsed <= whole and entry.tone != "plain":
            parts.append(
                Markup('<circle class="{}" cx="{:.2f}%" cy="{}" r="5"><title>{}</title></circle>').format(
                    entry.tone,
                    1 + 98 * entry.elapsed / whole,
                    y + 22,
                    plain(f"{entry.elapsed:.2f} s {entry.what}"),
                )
            )
    return Markup("").join(parts)
