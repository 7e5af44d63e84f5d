"""What a message says: the shipped text of its kind and audience, or the one that the inventory has instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    Undefined,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .message import Message
from .news import FAILURES, News
from .step_templates import STEP_TEMPLATES
from .templates import HTML, TEMPLATES

__all__ = ["AUDIENCES", "Texts", "html_of", "parts_of"]

AUDIENCES = ("responders", "stakeholders", "users")
_GOOD, _BAD, _PLAIN = "#1a7f37", "#b3261e", "#5f6b7a"


class Texts:
    """Texts by kind and audience. ``folder`` holds what an inventory has instead, as ``<kind>.<audience>.j2``.

    An empty file there means that this audience is not told; a file that cannot be used is passed over, and
    :attr:`problems` says why: what an operator got wrong must not cost the message.
    """

    def __init__(self, folder: str = "") -> None:
        self.problems: list[str] = []
        own: list[BaseLoader] = [FileSystemLoader(folder)] if folder else []
        # What is shipped says less where something is not known; what an operator got wrong is to be found.
        of_rollbacks, of_steps = (
            DictLoader({f"{name}.j2": text for name, text in texts.items()})
            for texts in (TEMPLATES, {**TEMPLATES, **STEP_TEMPLATES})
        )
        self._shipped = _environment(of_rollbacks, Undefined), _environment(of_steps, Undefined)
        self._all = tuple(
            _environment(ChoiceLoader([*own, shipped]), StrictUndefined)
            for shipped in (of_rollbacks, of_steps)
        )
        self._names = {*TEMPLATES, *(path.stem for path in Path(folder).glob("*.*.j2") if folder)}

    def check(self) -> list[str]:
        """What is wrong with the files of the folder, as sentences."""
        wrong = []
        known = {name.split(".")[0] for name in TEMPLATES}
        for name in sorted(self._names):
            kind, _, audience = name.partition(".")
            if kind not in known or audience not in AUDIENCES:
                wrong.append(
                    f"{name}.j2 is the text of nothing that is told; the names are in docs/notifications.md"
                )
                continue
            try:
                self._all[0].get_template(f"{name}.j2")
            except (TemplateError, OSError, ValueError) as error:
                wrong.append(f"{name}.j2 cannot be read: {error}")
        return wrong

    def audiences(self, kind: str) -> list[str]:
        """Who hears of it."""
        return [audience for audience in AUDIENCES if f"{kind}.{audience}" in self._names]

    def subject_and_text(self, news: News, audience: str, support: str = "") -> tuple[str, str] | None:
        """What to say, or ``None`` when an inventory has it that nothing is said."""
        name, facts = f"{news.kind}.{audience}.j2", {**news.facts, "time": news.time, "support": support}
        is_step = bool(news.facts.get("step"))
        try:
            rendered = self._all[is_step].get_template(name).render(facts)
        except (TemplateError, OSError, ValueError, TypeError, ArithmeticError) as error:
            self.problems.append(f"{name}: {error}")
            rendered = (
                self._shipped[is_step].get_template(name).render(facts) if name[:-3] in TEMPLATES else ""
            )
        subject, _, text = rendered.strip().partition("\n")
        return (" ".join(subject.split()), text.strip()) if subject else None


def html_of(message: Message) -> str:
    """The same as a page of HTML, for mail programs: tables keep their columns, and the rest wraps."""
    parts = [{"text": part, "even": even} for part, even in parts_of(message.text)]
    colour = _GOOD if message.kind == "resolved" else _BAD if message.kind in FAILURES else _PLAIN
    facts: Mapping[str, Any] = {**message.as_dict(), "parts": parts, "colour": colour}
    template = ImmutableSandboxedEnvironment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return template.from_string(HTML).render(facts)


def parts_of(text: str) -> list[tuple[str, bool]]:
    """The paragraphs of a text, and whether one is a table, whose columns are kept by letters of one width."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    return [(part, any("   " in line.strip() for line in part.splitlines())) for part in parts]


def _environment(loader: BaseLoader, undefined: type[Undefined]) -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=loader,
        undefined=undefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
