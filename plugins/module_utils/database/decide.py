"""What has to happen to a database when the code goes back: as little as possible, and never by a guess.

From the least to the most destructive: nothing, down migrations, and going back to an earlier state
as a whole (D1 Time Travel; a restore beside the database and a swap). Facts in, decision out; who
gathers the facts and who carries the decision out are elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..migrate.model import Finding, Kind, Migration, worst

__all__ = ["DOWN", "NOTHING", "REFUSE", "REWIND", "Decision", "decide"]

NOTHING = "nothing"
DOWN = "down migrations"
REWIND = "rewind"
REFUSE = "refuse"


@dataclass(frozen=True)
class Decision:
    """``method`` is one of the constants above; ``why`` a sentence for the plan.

    ``losses`` are the statements that lose data on the chosen way. ``choices`` are, in a refusal, the
    methods that a person may ask for, each with what it would mean.
    """

    method: str
    why: str
    losses: tuple[Finding, ...] = ()
    choices: tuple[tuple[str, str], ...] = ()


def decide(
    release: str,
    since: Sequence[Migration],
    findings: Sequence[Finding],
    *,
    works_with_now: bool | None,
    rewind: str | None,
    wanted: str | None,
) -> Decision:
    """Decide for one database.

    ``since`` are the migrations applied after the level of ``release``, newest first, and
    ``findings`` what their statements mean for the way back. ``works_with_now`` is the declared word
    on whether the release works with the schema as it is (``None``: nothing is declared). ``rewind``
    describes the earlier state that could be restored, or is ``None``. ``wanted`` is a method that a
    person asked for.
    """
    missing = [migration for migration in since if migration.down is None]
    lost_going_down = tuple(finding for finding in findings if finding.loses == "down")
    lost_going_up = tuple(finding for finding in findings if finding.loses == "up")
    kind = worst(findings)
    ids = ", ".join(migration.id for migration in since)

    if wanted is not None:
        return _as_asked(wanted, missing, rewind, lost_going_down + lost_going_up)
    if not since:
        return Decision(NOTHING, f"its schema is that of {release}")
    if works_with_now:
        return Decision(NOTHING, f"{release} is declared to work with the schema as it is ({ids} since)")
    if kind is Kind.ADDITIVE and works_with_now is None:
        return Decision(NOTHING, f"what came since ({ids}) only adds, and {release} works with it")
    if kind <= Kind.REVERSIBLE and not missing:
        return Decision(DOWN, _first(findings, kind))
    if kind is Kind.LOSSY and not missing and not lost_going_up:
        return Decision(DOWN, _first(findings, kind), lost_going_down)
    return Decision(
        REFUSE, _why_not(findings, kind, missing, release), choices=_choices(missing, rewind, lost_going_up)
    )


def _as_asked(
    wanted: str, missing: Sequence[Migration], rewind: str | None, losses: tuple[Finding, ...]
) -> Decision:
    if wanted == DOWN and missing:
        return Decision(
            REFUSE, f"there is no way down for {_files(missing)}", choices=_choices(missing, rewind, ())
        )
    if wanted == REWIND and rewind is None:
        return Decision(
            REFUSE, "there is no earlier state to go back to", choices=_choices(missing, rewind, ())
        )
    return Decision(wanted, "asked for", losses if wanted == DOWN else ())


def _first(findings: Sequence[Finding], kind: Kind) -> str:
    found = next((finding for finding in findings if finding.kind is kind), None)
    return (
        f"{found.migration}, line {found.line}: {found.reason}" if found else "what came since is not needed"
    )


def _why_not(findings: Sequence[Finding], kind: Kind, missing: Sequence[Migration], release: str) -> str:
    reason = f"{release} may not work with the schema as it is ({_first(findings, kind)})"
    ids = ", ".join(migration.id for migration in missing)
    return f"{reason}, and there is no way down for {ids}" if missing else reason


def _files(missing: Sequence[Migration]) -> str:
    return ", ".join(f"{migration.id} ({migration.down_file})" for migration in missing)


def _choices(
    missing: Sequence[Migration], rewind: str | None, lost_going_up: Sequence[Finding]
) -> tuple[tuple[str, str], ...]:
    choices = [(NOTHING, "leave the database as it is, if you know that the release works with it")]
    if missing:
        choices.append((DOWN, f"first write the way down: {_files(missing)}"))
    else:
        lost = "; what the migration itself has lost stays lost" if lost_going_up else ""
        choices.append((DOWN, f"run the down migrations{lost}"))
    if rewind is not None:
        choices.append((REWIND, f"{rewind}; what was written since is lost"))
    return tuple(choices)
