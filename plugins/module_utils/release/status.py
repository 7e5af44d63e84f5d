"""What is live, in words: the rows of ``status.yml``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from .live import Index, index_of, live_release
from .model import Release, State
from .plan import identity_of
from .text import age, columns

__all__ = ["identities", "status_rows", "status_table"]


def status_rows(
    states: Mapping[str, State], releases: list[Release]
) -> tuple[str | None, list[dict[str, Any]]]:
    """The release that most components serve, and a row per component; ``problem`` says what does not fit."""
    release, misfits = live_release(states, releases)
    index = index_of(releases)
    rows = []
    for name, state in states.items():
        live = state.live
        serving = [share for share in live.shares if share[1] > 0] if live else []
        belongs = [_release_name(name, id_, index) for id_, _ in serving]
        rows.append(
            {
                "component": name,
                "kind": state.component.kind,
                "target": state.component.target,
                "serving": [{"version": id_, "percent": percent} for id_, percent in serving],
                "since": live.created.isoformat() if live else None,
                "by": live.author if live else None,
                "message": live.message if live else None,
                "release": " + ".join(belongs) or None,
                "problem": _problem(len(serving), name in misfits, release),
            }
        )
    return release.name if release else None, rows


def identities(states: Mapping[str, State], releases: list[Release]) -> dict[str, dict[str, str | None]]:
    """What each component may call the version that serves now; a component with a split is left out."""
    found = {}
    index = index_of(releases)
    for name, state in states.items():
        version = state.version(state.live.sole) if state.live and state.live.sole else None
        if version is not None:
            release = index.get((name, version.id))
            found[name] = identity_of(version, release.name if release else None)
    return found


def status_table(rows: list[dict[str, Any]], now: datetime) -> list[str]:
    """The rows as lines of text."""
    table = [("component", "release", "version", "since", "by", "")]
    for row in rows:
        shares = row["serving"]
        since = datetime.fromisoformat(row["since"]) if row["since"] else None
        table.append(
            (
                row["component"],
                row["release"] or "-",
                " + ".join(
                    share["version"][:8] + (f" {share['percent']:g} %" if len(shares) > 1 else "")
                    for share in shares
                )
                or "-",
                f"{age(since, now)} ago" if since else "-",
                row["by"] or "-",
                row["problem"] or "",
            )
        )
    return columns(table)


def _release_name(component: str, version_id: str, index: Index) -> str:
    release = index.get((component, version_id))
    return release.name if release else "unknown"


def _problem(serving: int, misfit: bool, release: Release | None) -> str | None:
    if serving == 0:
        return "nothing was ever deployed"
    if serving > 1:
        return "two versions share the traffic"
    if misfit:
        return f"is not of {release.name}" if release else "belongs to no release"
    return None
