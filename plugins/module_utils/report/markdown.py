"""The report as Markdown."""

from __future__ import annotations

from .blocks import Block, Code, Items, Links, Table, Text, Ticks, Titled
from .incident import Incident, Step
from .plain import markdown, markdown_code, markdown_url, plain
from .seal import Verified
from .sections import sections_of

__all__ = ["markdown_of"]


def markdown_of(incident: Incident, verified: Verified | None = None) -> str:
    """The whole report, as GitHub and GitLab show it."""
    drill = "DRILL: " if incident.drill else ""
    lines = [
        f"# {drill}{markdown(incident.title)}",
        "",
        f"**{incident.status}**, severity {incident.severity}, rollback {incident.rollback_status} ({incident.ended})",
        "",
        f"- **What happened:** {markdown(incident.happened)}",
        f"- **Is it over?** {markdown(incident.over)}",
        f"- **What next:** {markdown_code(incident.next_command) if incident.next_command else 'see the action items'}",
        f"- **Data:** {markdown(incident.loss)}",
    ]
    for section in sections_of(incident, verified):
        lines += ["", f"## {section.title}"]
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def _block(block: Block) -> list[str]:
    if isinstance(block, Table):
        head = ["| " + " | ".join(block.head) + " |", "|" + " --- |" * len(block.head)]
        return head + ["| " + " | ".join(map(_text, row)) + " |" for row in block.rows]
    if isinstance(block, Items):
        return [f"- {_text(line)}" for line in block.lines]
    if isinstance(block, Titled):
        return [f"**{block.title}**", "", *(f"- {_text(line)}" for line in block.lines)]
    if isinstance(block, Links):
        return [f"**{block.title}**", "", *_links(block)]
    if isinstance(block, Text):
        return [f"**{block.title}**", "", *(f"    {plain(line)}" for line in block.text.splitlines())]
    if isinstance(block, Ticks):
        title = [f"**{block.title}**", ""] if block.title else []
        return title + [_tick(step) for step in block.steps]
    return [_text(block)]


def _links(block: Links) -> list[str]:
    return [f"- [{markdown(link.name)}]({markdown_url(link.url)})" for link in block.links]


def _tick(step: Step) -> str:
    return f"- [{'x' if step.done else ' '}] {markdown(step.what)} ({markdown(step.why)})"


def _text(text: str) -> str:
    if isinstance(text, Code):
        return markdown_code(text) if text else ""
    return markdown(text)
