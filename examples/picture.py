#!/usr/bin/env python3
"""Draws what a command left on a terminal as an SVG: how docs/rollback.svg is made.

make local                                                       (in another terminal)
script -qc 'ansible-playbook rollback.yml -i local' run.txt
python examples/picture.py run.txt 'ansible-playbook rollback.yml -i local' > docs/rollback.svg
"""

from __future__ import annotations

import re
import sys
from html import escape
from pathlib import Path

_UP = re.compile(r"\x1b\[(\d+)F\x1b\[J")
_COLOUR = re.compile(r"\x1b\[([\d;]*)m")
_COLOURS = {"0;32": "#7ee787", "0;31": "#ff7b72", "0;33": "#e3b341"}
_WIDTH, _HEIGHT, _MARGIN = 8.4, 20, 18


def screen(recorded: str) -> list[str]:
    """The lines that stay on the screen, colours included."""
    lines: list[str] = []
    for part in recorded.replace("\r", "").splitlines():
        while found := _UP.search(part):
            del lines[len(lines) - int(found[1]) :]
            part = part.replace(found[0], "", 1)
        lines.append(part)
    return [line for line in lines if not line.startswith("Script ")]


def draw(lines: list[str]) -> str:
    """The SVG."""
    plain = [_COLOUR.sub("", line) for line in lines]
    width = max(map(len, plain)) * _WIDTH + 2 * _MARGIN
    height = len(lines) * _HEIGHT + 2 * _MARGIN
    rows = []
    for number, (line, text) in enumerate(zip(lines, plain, strict=True)):
        found = _COLOUR.search(line)
        colour = _COLOURS.get(found[1] if found else "", "#e6edf3")
        y = _MARGIN + number * _HEIGHT + 14
        rows.append(f'<text x="{_MARGIN}" y="{y}" fill="{colour}" xml:space="preserve">{escape(text)}</text>')
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}"'
            ' font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">',
            f'<rect width="{width:.0f}" height="{height}" rx="8" fill="#0d1117"/>',
            *rows,
            "</svg>",
        ]
    )


if __name__ == "__main__":
    print(draw([f"$ {sys.argv[2]}", *screen(Path(sys.argv[1]).read_text(encoding="utf-8"))]))
