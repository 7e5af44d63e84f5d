"""The template of the HTML page. A Python file, because Ansible ships modules' helpers as such and nothing else."""

__all__ = ["STYLE", "TEMPLATE"]

STYLE = """
:root { color-scheme: light dark; --page: #f5f6f8; --card: #fff; --ink: #14171c; --soft: #5a6472; --line: #e2e6eb;
  --good: #0b7a43; --good-soft: #e5f5ec; --warn: #8a5a00; --warn-soft: #fdf1d8; --bad: #b3261e; --bad-soft: #fdeae8;
  --plain: #44618f; --code: #eef1f5; }
@media (prefers-color-scheme: dark) { :root { --page: #0f1216; --card: #181c22; --ink: #e8ebef; --soft: #9aa5b3;
  --line: #2b313a; --good: #4cc38a; --good-soft: #12301f; --warn: #e5b454; --warn-soft: #35290f; --bad: #ff7b72;
  --bad-soft: #3b1a18; --plain: #86a7dc; --code: #232932; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
h1 { font-size: clamp(1.4rem, 1.1rem + 1.8vw, 2.1rem); line-height: 1.2; margin: .6rem 0 0; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 0 0 .8rem; }
h3, .three h2 { font-size: .8rem; margin: 0 0 .3rem; color: var(--soft); font-weight: 600;
  text-transform: uppercase; letter-spacing: .05em; }
p { margin: 0 0 .8rem; max-width: 46rem; }
a { color: var(--plain); }
code { font: .86em/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--code);
  border-radius: 4px; padding: .1em .35em; }
section, .hero, .figures > div { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
section { padding: 1.1rem 1.2rem; margin-top: 1rem; }
section > :last-child { margin-bottom: 0; }
.brand { display: flex; flex-wrap: wrap; gap: .2rem 1rem; justify-content: space-between; color: var(--soft);
  font-size: .875rem; margin-bottom: .8rem; }
.hero { padding: 1.3rem 1.4rem 1.4rem; border-top: 6px solid var(--tone); }
.good { --tone: var(--good); --tone-soft: var(--good-soft); }
.warn { --tone: var(--warn); --tone-soft: var(--warn-soft); }
.bad { --tone: var(--bad); --tone-soft: var(--bad-soft); }
.plain { --tone: var(--plain); --tone-soft: var(--code); }
.pill { display: inline-block; padding: .08rem .55rem; border-radius: 99px; font-size: .8rem; font-weight: 600;
  background: var(--tone-soft); color: var(--tone); white-space: nowrap; }
.pills { display: flex; flex-wrap: wrap; gap: .4rem; }
.three { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1.2rem; margin-top: 1.2rem; }
.three p { margin: 0; }
.three code { display: block; padding: .5rem .7rem; margin-top: .3rem; }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: .8rem; margin-top: 1rem; }
.figures > div { padding: .9rem 1rem; }
.figures b { display: block; font-size: 1.5rem; line-height: 1.2; letter-spacing: -.01em; }
.figures span { display: block; font-size: .9rem; }
.figures small { color: var(--soft); font-size: .8rem; line-height: 1.35; display: block; margin-top: .2rem; }
nav { margin-top: 1rem; font-size: .875rem; line-height: 2; }
nav a { color: var(--soft); margin-right: .9rem; white-space: nowrap; }
.scroll { overflow-x: auto; margin: 0 -1.2rem 1rem; padding: 0 1.2rem; }
table { border-collapse: collapse; font-size: .9rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .42rem .9rem .42rem 0; border-bottom: 1px solid var(--line); }
tr:last-child > * { border-bottom: 0; }
th { color: var(--soft); font-weight: 600; font-size: .8rem; }
.wide { overflow-wrap: normal; }
.wide td { max-width: 26rem; }
.short { white-space: nowrap; }
.mark::before { content: ""; display: inline-block; width: .55em; height: .55em; border-radius: 50%;
  background: var(--tone); margin-right: .5em; vertical-align: .08em; }
.legend { color: var(--soft); font-size: .8rem; margin: 0; }
.legend span { margin-right: 1rem; white-space: nowrap; }
.wide .long { min-width: 17rem; }
.said th { width: 11rem; font-size: .9rem; font-weight: 400; }
#timeline td:nth-child(-n+2) { white-space: nowrap; color: var(--soft); }
#timeline td:last-child { min-width: 0; overflow-wrap: anywhere; white-space: normal; }
ul { margin: 0 0 1rem; padding-left: 1.15rem; }
li { margin-bottom: .25rem; }
ul.ticks { list-style: none; padding: 0; }
ul.ticks li { padding-left: 1.7rem; position: relative; }
ul.ticks small { color: var(--soft); display: block; line-height: 1.3; }
.box { position: absolute; left: 0; top: .24rem; width: 1.05rem; height: 1.05rem; border: 1.5px solid var(--soft);
  border-radius: 4px; font-size: .8rem; line-height: .9rem; text-align: center; font-weight: 700; }
.done .box { background: var(--good); border-color: var(--good); color: var(--card); }
pre { font: .8rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--code);
  border-radius: 6px; padding: .7rem .9rem; margin: 0 0 1rem; overflow-x: auto; white-space: pre-wrap; }
.columns { columns: 2 20rem; column-gap: 2.5rem; }
.columns > div { break-inside: avoid; }
svg { display: block; overflow: visible; margin: .2rem 0 1rem; }
svg text { fill: var(--ink); font-size: 13px; }
svg .took, svg .axis { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
svg rect, svg circle { fill: var(--tone); }
svg circle { stroke: var(--card); stroke-width: 1.5; }
svg .track { fill: var(--line); }
svg .grid { stroke: var(--line); stroke-dasharray: 2 3; }
footer { color: var(--soft); font-size: .85rem; margin-top: 1.5rem; }
@media (max-width: 44rem) { .rows thead { position: absolute; width: 1px; height: 1px; overflow: hidden;
    clip-path: inset(50%); }
  .rows tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .rows td { display: inline-flex; align-items: baseline; gap: .35rem; margin-right: .9rem; border: 0;
    padding: .1rem 0; white-space: normal; }
  .rows td::before { content: attr(data-head); color: var(--soft); font-size: .8rem; }
  .rows td:first-child, .rows td.long { display: block; margin: 0; }
  .rows td.long::before { margin-right: .35rem; }
  .rows td:first-child { font-weight: 600; white-space: normal; }
  .rows td:first-child::before, .rows td[data-head=""]::before { content: none; }
  .rows td.none { display: none; } .rows .long, .rows code { min-width: 0; overflow-wrap: anywhere; }
  .rows td > * { justify-self: start; }
  #timeline td { font-size: .82rem; padding-right: .5rem; }
  .figures { grid-template-columns: 1fr 1fr; } .said th { width: 7.5rem; }
  main { padding: .8rem .7rem 2rem; } section, .hero { padding-left: .9rem; padding-right: .9rem; }
  .scroll { margin: 0 -.9rem 1rem; padding: 0 .9rem; } }
@media print { :root { color-scheme: light; --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #ccc;
  --good: #0b7a43; --good-soft: #fff; --warn: #8a5a00; --warn-soft: #fff; --bad: #b3261e; --bad-soft: #fff;
  --plain: #44618f; --code: #f2f2f2; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } nav { display: none; }
  section, .hero, .figures > div { border-radius: 0; } section { border-width: 1px 0 0; padding: .8rem 0 0; }
  .scroll { overflow: visible; margin: 0 0 .6rem; padding: 0; }
  .wide .long, .wide code { min-width: 0; overflow-wrap: anywhere; }
  .short { white-space: normal; }
  h2, h3 { break-after: avoid; } tr, .figures, svg, li { break-inside: avoid; }
  .pill { border: 1px solid currentColor; } * { print-color-adjust: exact; } }
"""

TEMPLATE = (
    """<!doctype html>
<html lang="en">
{% macro text(value) %}
{% if value is code %}{% if value %}<code>{{ value }}</code>{% endif %}
{% elif value is toned %}<span class="mark {{ value.tone }}">{{ value }}</span>
{% elif value in tone_of %}<span class="pill {{ tone_of[value] }}">{{ value }}</span>
{% else %}{{ value }}{% endif %}
{% endmacro %}
{% macro ticks(block) %}
<div>
  {% if block.title %}<h3>{{ block.title }}</h3>{% endif %}
  <ul class="ticks">
  {% for step in block.steps %}
    <li{% if step.done %} class="done"{% endif %}><span class="box" role="img"
      aria-label="{{ 'done' if step.done else 'open' }}">{{ '✓' if step.done else '' }}</span>
      {{ step.what }}<small>{{ step.why }}</small></li>
  {% endfor %}
  </ul>
</div>
{% endmacro %}
{% macro table(block, stacked) %}
<div class="scroll">
<table class="{{ ('wide rows' if stacked and block.head | length > 2 else 'wide') if block.titled else 'said' }}">
  {% if block.titled %}
  <thead><tr>{% for cell in block.head %}<th scope="col">{{ cell }}</th>{% endfor %}</tr></thead>
  {% endif %}
  <tbody>
  {% for row in block.rows %}
    <tr>
    {% for cell in row %}
      {% if loop.first and not block.titled %}<th scope="row">{{ cell }}</th>
      {% else %}<td class="{{ ('short' if cell | length < 25 else 'long') if cell else 'none' }}"
        {%- if block.titled %} data-head="{{ block.head[loop.index0] }}"{% endif %}>{{ text(cell) }}</td>{% endif %}
    {% endfor %}
    </tr>
  {% endfor %}
  </tbody>
</table>
</div>
{% endmacro %}
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ 'DRILL: ' if incident.drill else '' }}{{ incident.title }}</title>
<style>"""
    + STYLE
    + """</style>
</head>
<body>
<main>
<header>
  <div class="brand"><span>Incident report <code>{{ incident.id }}</code></span>
    <span>{{ incident.initiated | day }}</span></div>
  <div class="hero {{ tone }}">
    <div class="pills">
      <span class="pill {{ tone }}">{{ incident.status }}</span>
      <span class="pill plain">{{ incident.severity }}</span>
      <span class="pill plain">rollback {{ incident.rollback_status }}</span>
      {% if incident.drill %}<span class="pill warn">DRILL</span>{% endif %}
    </div>
    <h1>{{ incident.title }}</h1>
    <div class="three">
      <div><h2>What happened</h2><p>{{ incident.happened }}
        {% if incident.reason %}Reason: {{ incident.reason }}.{% endif %}</p></div>
      <div><h2>Is it over?</h2><p>{{ incident.over }}</p></div>
      <div><h2>What next</h2>
        {% if incident.next_command %}<code>{{ incident.next_command }}</code>{% endif %}
        <p><a href="#actions">{{ incident.actions | length }} action items</a>,
          review due <span class="short">{{ incident.review | day }}</span></p></div>
    </div>
  </div>
</header>
<div class="figures">
  {% for figure, what, note in figures %}
  <div><b>{{ figure }}</b><span>{{ what }}</span><small>{{ note }}</small></div>
  {% endfor %}
</div>
{% if run_chart %}
<section>
  <h2>What took how long</h2>
  {{ run_chart }}
  <p class="legend"><span>Events:</span> <span class="mark good">good news</span>
    <span class="mark warn">to be looked at</span> <span class="mark bad">bad news</span></p>
</section>
{% endif %}
<nav aria-label="Sections">
  {% for section in sections %}<a href="#{{ section.id }}">{{ section.title }}</a>{{ ' ' }}{% endfor %}
</nav>
{% for section in sections %}
<section id="{{ section.id }}">
  <h2>{{ section.title }}</h2>
  {% if section.id == 'times' %}{{ budget_chart }}{% endif %}
  {% if section.id == 'steps' %}<div class="columns">{% endif %}
  {% for block in section.blocks %}
    {% if block is table %}{{ table(block, section.id != 'timeline') }}
    {% elif block is ticks %}{{ ticks(block) }}
    {% elif block is titled %}<h3>{{ block.title }}</h3>
    <ul>{% for line in block.lines %}<li>{{ text(line) }}</li>{% endfor %}</ul>
    {% elif block is links %}<h3>{{ block.title }}</h3><ul>{% for link in block.links %}<li><a href="{{ link.url }}"
      rel="noreferrer">{{ link.name }}</a></li>{% endfor %}</ul>
    {% elif block is copied %}<h3>{{ block.title }}</h3><pre>{% for line in block.text.splitlines() %}{{ line }}
{% endfor %}</pre>
    {% elif block is items %}<ul>{% for line in block.lines %}<li>{{ text(line) }}</li>{% endfor %}</ul>
    {% else %}<p>{{ text(block) }}</p>{% endif %}
  {% endfor %}
  {% if section.id == 'steps' %}</div>{% endif %}
</section>
{% endfor %}
<footer>Made by Known Good from the journal of run <code>{{ incident.run }}</code>, and from nothing else.</footer>
</main>
</body>
</html>
"""
)
