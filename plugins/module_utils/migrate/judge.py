"""Migrations judged with what the earlier ones tell of the schema."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .classify import classify
from .model import Dialect, Finding, Kind, Migration

__all__ = ["judge", "judge_down"]


def judge(available: Sequence[Migration], ids: Iterable[str], dialect: Dialect) -> list[Finding]:
    """What going up by these migrations means for the way back, in the order of ``ids``.

    An id without a file is irreversible: nobody knows what it did.
    """
    known = {migration.id: at for at, migration in enumerate(available)}
    findings: list[Finding] = []
    for id_ in ids:
        if id_ not in known:
            findings.append(
                Finding(id_, "", 1, Kind.IRREVERSIBLE, "there is no file for it, so nobody knows what it did")
            )
            continue
        at = known[id_]
        migration = available[at]
        if migration.unreadable_up:
            findings.append(Finding(id_, "", 1, Kind.IRREVERSIBLE, migration.unreadable_up))
            continue
        findings += classify(migration.up, dialect, before=_before(available[:at]), migration=id_)
    return findings


def judge_down(available: Sequence[Migration], migration: Migration, dialect: Dialect) -> list[Finding]:
    """What the way down of a migration does; ``loses == "up"`` is what running it loses."""
    if migration.unreadable_down:
        return [Finding(migration.id, "", 1, Kind.IRREVERSIBLE, migration.unreadable_down)]
    at = available.index(migration) + 1
    return classify(migration.down or "", dialect, before=_before(available[:at]), migration=migration.id)


def _before(earlier: Sequence[Migration]) -> str:
    # The semicolon ends a last statement that has none, the line break a last comment.
    return "\n;\n".join(migration.up for migration in earlier)
