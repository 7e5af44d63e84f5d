"""What a plan needs before it may be applied: the hash that was approved, and a person where one is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["differences", "lacking", "risks"]


def risks(plan: Mapping[str, Any], databases: Iterable[Mapping[str, Any]]) -> list[str]:
    """``code`` when components move, ``data_loss`` when more is lost than the inventory allows beforehand."""
    found = ["code"] if plan["changes"] else []
    if not all(database["within_limit"] for database in databases):
        found.append("data_loss")
    return found


def lacking(
    required: Mapping[str, bool],
    found: Iterable[str],
    *,
    approved: bool,
    by: str,
    reason: str,
    emergency: str,
) -> str | None:
    """What is missing of an approval, or ``None``. An emergency needs no approval, only its reason.

    ``approved`` says whether the hash of this very plan was given.
    """
    asking = [risk for risk in found if required.get(risk)]
    if not asking or emergency:
        return None
    given = {"plan": approved, "approved_by": by, "reason": reason}
    missing = [name for name, value in given.items() if not value]
    if not missing:
        return None
    words = {"code": "moving code", "data_loss": "losing data"}
    return (
        f"{' and '.join(words[risk] for risk in asking)} needs an approval; not given: {', '.join(missing)}"
    )


def differences(approved: Iterable[Mapping[str, Any]], now: Iterable[Mapping[str, Any]]) -> list[str]:
    """What differs between the moves of an approved plan and those of now, in words; both as plans hold them."""
    then = {move["component"]: move for move in approved}
    today = {move["component"]: move for move in now}
    lines = []
    for name in sorted({*then, *today}):
        before, after = then.get(name), today.get(name)
        if before is None or after is None:
            lines.append(
                f"{name}: {'only in the approved plan' if after is None else 'not in the approved plan'}"
            )
        elif before["to_id"] != after["to_id"]:
            lines.append(f"{name}: would go to {after['to_label']}, approved was {before['to_label']}")
        elif _serving(before) != _serving(after):
            lines.append(f"{name}: {after['from_label']} serves, {before['from_label']} served then")
    return lines


def _serving(move: Mapping[str, Any]) -> list[tuple[str, float]]:
    return sorted((str(id_), float(percent)) for id_, percent in move["live"])
