"""Ask name servers and resolvers about a name, all at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ..concurrent import each
from .judge import Expected, Verdict, expected, judge
from .lookup import Said, ask, authority_of
from .records import Record

__all__ = ["Asked", "Name", "check", "settled"]

_PAUSE = 1.0
_WORST_FIRST = ("fail", "inconclusive", "pass")


@dataclass(frozen=True)
class Name:
    """``authority`` and ``resolvers`` are addresses; without an authority the zone's own servers are asked."""

    zone: str
    name: str
    authority: Sequence[str]
    resolvers: Sequence[str]


@dataclass(frozen=True)
class Asked:
    """What came of it; ``said`` are all answers."""

    verdict: Verdict
    said: tuple[Said, ...]


def check(name: Name, records: Sequence[Record]) -> Asked:
    """Whether everybody says what the records say. Raises nothing."""
    authority = list(name.authority) or authority_of(name.zone, name.resolvers)
    wanted = expected(records, apex=name.name == name.zone)
    questions = [(server, want) for want in wanted for server in (*authority, *name.resolvers)]
    answers = each(lambda one: ask(one[0], name.name, one[1].kind), questions)
    told: dict[tuple[str, Expected], Said] = {}
    for (server, want), said in zip(questions, answers, strict=True):
        if isinstance(said, Exception):
            raise said
        told[server, want] = said
    verdicts = [
        judge(want, [told[s, want] for s in authority], [told[s, want] for s in name.resolvers])
        for want in wanted
    ]
    worst = min(verdicts, key=lambda one: _WORST_FIRST.index(one.verdict))
    details = dict.fromkeys(one.detail for one in verdicts)
    stale = max(one.stale for one in verdicts)
    return Asked(Verdict(worst.verdict, "; ".join(details), stale), tuple(told.values()))


def settled(name: Name, records: Sequence[Record], seconds: float) -> Asked:
    """Ask until everybody says so, at most for so long."""
    deadline = time.monotonic() + seconds
    while True:
        asked = check(name, records)
        if asked.verdict.verdict == "pass" or time.monotonic() + _PAUSE > deadline:
            return asked
        time.sleep(_PAUSE)
