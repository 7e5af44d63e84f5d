"""Which migrations belong to a release, and which came after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

__all__ = ["UnknownLevel", "applied_after"]


class UnknownLevel(Exception):
    """Nothing tells with which migrations the release was deployed; the message says what to declare."""


def applied_after(
    release: str,
    applied: Sequence[str],
    *,
    declared: Mapping[str, str],
    applied_at: Mapping[str, datetime],
    released: datetime | None,
) -> list[str]:
    """Ids of the migrations that came after ``release``, newest first.

    ``applied`` are oldest first. ``declared`` maps releases to the id of the last migration that each
    was deployed with; without a word on this release, the times decide: what was applied after the
    last version of the release was made belongs to a later one, because migrations come before the
    code that needs them. Raises :class:`UnknownLevel`.
    """
    if release in declared:
        level = str(declared[release])
        if level not in applied:
            raise UnknownLevel(
                f"schema_levels or the ledger says that {release} was deployed with {level}, which is not applied"
            )
        return list(reversed(applied[list(applied).index(level) + 1 :]))
    if released is None or any(id_ not in applied_at for id_ in applied):
        raise UnknownLevel(
            f"nothing tells with which migrations {release} was deployed; say it in schema_levels, "
            f"for example {{{release}: {applied[-1] if applied else '0001'}}}"
        )
    later = [id_ for id_ in applied if applied_at[id_] > released]
    if later != list(applied[len(applied) - len(later) :]):
        raise UnknownLevel(
            "migrations were not applied in their order, so the times do not tell which belong to "
            f"{release}; say it in schema_levels"
        )
    return list(reversed(later))
