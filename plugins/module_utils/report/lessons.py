"""What the review begins with: what went well, what did not, and what only people can answer."""

from __future__ import annotations

from collections.abc import Sequence

from .ending import Ending
from .facts import Facts
from .incident import Budget, Check, Component, Database
from .plain import seconds

__all__ = ["lessons_of"]

_QUESTIONS = (
    "How was it noticed, and what would have noticed it earlier?",
    "Why did no test and no review before the deploy find it?",
    "What did people do beside this run, and should the run do it?",
    "Where did luck help?",
)


def lessons_of(
    facts: Facts,
    ending: Ending,
    components: Sequence[Component],
    databases: Sequence[Database],
    checks: Sequence[Check],
    budgets: Sequence[Budget],
    deviations: Sequence[str],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Lists with their titles; what is empty is left out."""
    well = [
        f"{budget.name}: {seconds(budget.actual)} of {seconds(budget.seconds)}"
        for budget in budgets
        if budget.verdict == "kept"
    ]
    tried = [item for item in components if item.rehearsed == "pass"]
    if tried and ending.over:
        well.append(
            f"The target was tried unseen before users met it: {len(tried)} of {len(components)} components"
        )
    kept = [item for item in databases if item.state == "done" and item.kept]
    if kept:
        well.append(
            f"What {', '.join(item.name for item in kept)} lost is kept in files, and can be put back"
        )
    badly = [*deviations]
    if not facts.said("detected"):
        badly.append("Nobody said when it was detected, so the time to detect is not known")
    badly += [f"{check.subject} ({check.what}): {check.verdict}" for check in checks if check.verdict in _BAD]
    lists = (("Went well", well), ("Did not", badly), ("For people to answer", _QUESTIONS))
    return tuple((title, tuple(lines)) for title, lines in lists if lines)


_BAD = ("fail", "inconclusive")
