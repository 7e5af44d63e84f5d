"""The drill as one HTML page: verdicts, times, action items, and how the RTO developed over the drills."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from ..report.page_template import STYLE
from .history import Dates
from .result import MOMENTS, Result
from .scenario import Scenario

__all__ = ["page_of"]

_TONES = {"pass": "good", "fail": "bad", "aborted": "warn", "not applicable": "plain"}
_WIDTH, _HEIGHT = 260, 44
_DRAWN = 20

_TEMPLATE = (
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Drill of {{ environment }}, {{ run }}</title>
<style>"""
    + STYLE
    + """
svg.trend { width: 260px; height: 44px; margin: 0; } svg.trend polyline { fill: none; stroke: var(--plain);
  stroke-width: 1.5; } td.figure { white-space: nowrap; }
svg.trend .target { stroke: var(--bad); stroke-dasharray: 3 3; }</style>
</head>
<body><main>
<header>
  <div class="brand"><span>Drill <code>{{ run }}</code></span><span>{{ environment }}</span></div>
  <div class="hero {{ tone }}">
    <span class="pill {{ tone }}">{{ verdict }}</span>
    <h1>{{ message }}</h1>
  </div>
</header>
<div class="figures">
  <div><b>{{ passed }} of {{ results | length }}</b><span>scenarios passed</span></div>
  <div><b>{{ worst or '-' }}</b><span>longest RTO</span></div>
  <div><b>{{ lost }}</b><span>acknowledged writes lost</span></div>
  <div><b>{{ next }}</b><span>next drill due</span><small>last {{ last }}</small></div>
</div>
<section id="scenarios"><h2>Scenarios</h2>
<div class="scroll"><table class="wide">
<thead><tr><th>scenario</th><th>verdict</th><th>seen</th><th>decision</th><th>RTO</th><th>target</th><th>RPO</th>
<th>target</th><th>RTO over the drills</th></tr></thead>
<tbody>
{% for row in rows %}
<tr><td>{{ row.title }}<br><code>{{ row.name }}</code></td>
<td><span class="pill {{ row.tone }}">{{ row.verdict }}</span></td>
<td>{{ row.signal }}</td><td>{{ row.decision }}</td>
<td class="figure">{{ row.rto }}</td><td class="figure">{{ row.rto_target }}</td>
<td>{{ row.rpo }}</td><td>{{ row.rpo_target }}</td><td>{{ row.trend }}</td></tr>
{% endfor %}
</tbody></table></div></section>
<section id="times"><h2>Times</h2>
<p>Seconds after the fault took effect. Detection is by an outside observer who asks once a second and wants two bad
answers in a row; decision and changes are from the journal of the rollback.</p>
<div class="scroll"><table class="wide">
<thead><tr><th>scenario</th>{% for name in moments %}<th>t_{{ name }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in rows %}
<tr><td><code>{{ row.name }}</code></td>{% for cell in row.times %}<td>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div></section>
<section id="actions"><h2>Action items</h2>
{% if actions %}<ul class="ticks">
{% for item in actions %}
<li><span class="box" role="img" aria-label="open"></span>{{ item.what }}
<small><code>{{ item.scenario }}</code></small></li>
{% endfor %}</ul>
{% else %}<p>None: every decision was the right one, and every target was met.</p>{% endif %}
</section>
</main></body></html>
"""
)


def page_of(
    results: Sequence[Result],
    scenarios: Mapping[str, Scenario],
    history: Sequence[Mapping[str, Any]],
    *,
    run: str,
    environment: str,
    outcome: Mapping[str, Any],
    dates: Dates,
) -> str:
    """The page. ``history`` includes the lines of this drill."""
    known = [one.rto for one in results if one.rto is not None]
    template = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(_TEMPLATE)
    return template.render(
        run=run,
        environment=environment,
        verdict=outcome["verdict"],
        message=outcome["message"],
        tone={0: "good", 21: "warn"}.get(outcome["exit_code"], "bad"),
        results=results,
        passed=sum(one.verdict == "pass" for one in results),
        worst=_seconds(max(known)) if known else "",
        lost=sum(one.rpo or 0 for one in results),
        last=_day(dates.last),
        next=_day(dates.next) if dates.next else "now",
        moments=MOMENTS,
        rows=[_row(one, scenarios[one.scenario], history, environment) for one in results],
        actions=[{"scenario": one.scenario, "what": text} for one in results for text in one.findings],
    )


def _row(
    result: Result, scenario: Scenario, history: Sequence[Mapping[str, Any]], environment: str
) -> dict[str, Any]:
    earlier = [
        float(line["rto"])
        for line in history
        if line["scenario"] == result.scenario
        and line["environment"] == environment
        and line["rto"] is not None
    ]
    return {
        "name": result.scenario,
        "title": result.title,
        "verdict": result.verdict,
        "tone": _TONES[result.verdict],
        "signal": ", ".join(result.signal) or "nothing",
        "decision": result.decision.replace("_", " ") or "-",
        "rto": _seconds(result.rto),
        "rto_target": _seconds(scenario.rto),
        "rpo": "-" if result.rpo is None else result.rpo,
        "rpo_target": scenario.rpo,
        "times": [_seconds(result.between("inject", name)) for name in MOMENTS],
        "trend": _trend(earlier[-_DRAWN:], scenario.rto),
    }


def _trend(values: Sequence[float], target: float) -> Markup:
    """The RTO of the last drills, and the target as a dashed line where it fits in."""
    if len(values) < 2:
        return Markup("")
    top = max(values) * 1.15 or 1
    points = " ".join(
        f"{_WIDTH * number / (len(values) - 1):.1f},{_HEIGHT - _HEIGHT * value / top:.1f}"
        for number, value in enumerate(values)
    )
    y = _HEIGHT - _HEIGHT * target / top
    line = (
        Markup('<polyline class="target" points="0,{0:.1f} {1},{0:.1f}"/>').format(y, _WIDTH)
        if y >= 0
        else Markup("")
    )
    said = f"from {values[0]:.1f} s to {values[-1]:.1f} s in {len(values)} drills"
    return Markup(
        '<svg class="trend" role="img" aria-label="{}"><title>{}</title>{}<polyline points="{}"/></svg>'
    ).format(said, said, line, points)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d}"
