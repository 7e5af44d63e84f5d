"""A validation as one HTML page: no file beside it, no script, nothing fetched.

It is put together by hand: to compile a template takes 30 ms, and this is written while a rollback is under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from ..report.facts import plural
from ..report.page_template import STYLE
from ..report.plain import day, plain, seconds
from .whole import worst

__all__ = ["page"]

_TONES = {"pass": "good", "fail": "bad", "inconclusive": "warn"}
_TITLES = {"pass": "works", "fail": "does not work as it must", "inconclusive": "is not proved to work"}
# What needs a look comes first.
_ORDER = ("fail", "inconclusive", "pass", "not applicable")


def page(run: str, checks: Sequence[Mapping[str, Any]], *, environment: str, time: str) -> str:
    """The page, the verdict first. ``time`` is when the validation began, ISO 8601."""
    verdict = worst(checks)
    title = f"{environment or 'It'} {_TITLES[verdict]}"
    count = {word: sum(check["verdict"] == word for check in checks) for word in _ORDER}
    figures = [
        (count["pass"], "passed", f"of {plural(len(checks), 'check')}"),
        (count["fail"], "failed", _subjects(checks, "fail")),
        (count["inconclusive"], "not known", _subjects(checks, "inconclusive")),
        (count["not applicable"], "not applicable", "declared, or nothing to compare with"),
    ]
    figure = Markup("<div><b>{}</b><span>{}</span><small>{}</small></div>")
    sections = [_component(*group) for group in _groups(checks)]
    if measured := [check for check in checks if check.get("n") is not None]:
        sections.append(_numbers(measured))
    return _PAGE.format(
        run=_text(run),
        day=day(f"{time[:19]}Z" if time else None),
        title=_text(title),
        style=Markup(STYLE),
        tone=_TONES[verdict],
        verdict=_pill(verdict),
        figures=Markup("\n").join(figure.format(number, what, _text(note)) for number, what, note in figures),
        sections=Markup("\n").join(sections),
    )


def _component(name: str, whole: str, checks: Sequence[Mapping[str, Any]]) -> Markup:
    rows = []
    for check in checks:
        found = [str(check["detail"])] if check.get("detail") else []
        if check.get("seconds") is not None:
            found.append(f"in {seconds(check['seconds'])}")
        if check.get("earlier"):
            found.append(f"at attempt {check['attempts']}, after: {'; '.join(check['earlier'])}")
        rows.append((check["check"], _pill(check["verdict"]), "; ".join(found)))
    heading = Markup("{} {}").format(_text(name), _pill(whole))
    return _section(heading, ("check", "verdict", "what was found"), rows)


def _numbers(checks: Sequence[Mapping[str, Any]]) -> Markup:
    rows = []
    for check in checks:
        bounds = " to ".join(f"{100 * bound:.2f} %" for bound in check.get("interval") or ())
        figures = (str(check["n"]), str(check.get("bad", "")), bounds)
        rows.append((check["component"], check["check"], *figures))
    methods = dict.fromkeys(f"{check['check']}: {check['method']}" for check in checks if check.get("method"))
    head = ("component", "check", "asked", "bad", "rate, with its bounds")
    notes = Markup("").join(Markup("<p>{}</p>").format(_text(method)) for method in methods)
    return _section(Markup("The numbers behind it"), head, rows, notes)


def _section(
    heading: Markup, head: Sequence[str], rows: Sequence[Sequence[str | Markup]], notes: Markup | str = ""
) -> Markup:
    titles = Markup("").join(Markup("<th>{}</th>").format(title) for title in head)
    lines = [
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup("<td{}>{}</td>").format(_SHORT if _is_short(cell) else "", _text(cell)) for cell in row
            )
        )
        for row in rows
    ]
    return _SECTION.format(heading=heading, head=titles, rows=Markup("\n").join(lines), notes=notes)


def _groups(checks: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, list[Mapping[str, Any]]]]:
    """The checks by component, the worst first: its name, its verdict, what was checked."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for check in checks:
        found.setdefault(check["component"], []).append(check)
    groups = []
    for name, mine in found.items():
        words = [check["verdict"] for check in mine]
        whole = "not applicable" if set(words) == {"not applicable"} else worst(mine)
        groups.append((name, whole, sorted(mine, key=lambda check: _ORDER.index(check["verdict"]))))
    return sorted(groups, key=lambda group: _ORDER.index(group[1]))


def _subjects(checks: Sequence[Mapping[str, Any]], verdict: str) -> str:
    return ", ".join(dict.fromkeys(check["component"] for check in checks if check["verdict"] == verdict))


def _is_short(cell: str | Markup) -> bool:
    return isinstance(cell, Markup) or len(cell) < 25


def _pill(word: str) -> Markup:
    return Markup('<span class="pill {}">{}</span>').format(_TONES.get(word, "plain"), word)


def _text(value: str | Markup) -> Markup:
    return value if isinstance(value, Markup) else escape(plain(value))


_SHORT = Markup(' class="short"')
_SECTION = Markup("""<section>
<h2>{heading}</h2>
<div class="scroll"><table class="wide">
<thead><tr>{head}</tr></thead>
<tbody>
{rows}
</tbody>
</table></div>
{notes}</section>""")

_PAGE = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Validation: {title}</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<div class="brand"><span>Validation <code>{run}</code></span><span>{day}</span></div>
<div class="hero {tone}">
<div class="pills">{verdict}</div>
<h1>{title}</h1>
</div>
</header>
<div class="figures">
{figures}
</div>
{sections}
<footer>Made by Known Good from the journal of run <code>{run}</code>, and from nothing else. The same as data:
<code>validation.json</code>, <code>validation.xml</code> (JUnit).</footer>
</main>
</body>
</html>
""")
