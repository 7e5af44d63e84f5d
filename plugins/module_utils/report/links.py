"""Where to look: dashboards at the time of the incident (S59-S63), the difference of the code (S15)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

from .facts import Facts, iso
from .incident import Component, Link

__all__ = ["links_of"]

# What came before and after helps to see what changed.
_AROUND = timedelta(minutes=15)
_COMMITS = {"target_commit": "commit", "left_commit": "from_commit"}
_PLACE = re.compile(r"\{(from|to|from_ms|to_ms|target_commit|left_commit)\}")


def links_of(
    facts: Facts, components: Sequence[Component], begins: datetime | None, ends: datetime | None
) -> tuple[Link, ...]:
    """The declared ``dashboards``, for the time from 15 minutes before ``begins`` to 15 minutes after ``ends``.

    ``{from}`` and ``{to}`` become ISO 8601 in UTC, ``{from_ms}`` and ``{to_ms}`` milliseconds since 1970.
    ``{target_commit}`` and ``{left_commit}`` become the commits of what was gone back to and of what was left; where
    one is not known, or the components differ in it, the link is left out. So is what is no address of the web: the
    page would make a link of it.
    """
    declared = facts.first("incident.opened").get("dashboards")
    if not isinstance(declared, dict) or begins is None or ends is None:
        return ()
    window = {"from": begins - _AROUND, "to": ends + _AROUND}
    values = {name: quote(iso(when)) for name, when in window.items()}
    values |= {f"{name}_ms": str(int(when.timestamp() * 1000)) for name, when in window.items()}
    for place, field in _COMMITS.items():
        commits = {getattr(component, field) for component in components} - {None}
        if len(commits) == 1:
            values[place] = quote(str(commits.pop()))
    return tuple(
        Link(str(name), _PLACE.sub(lambda found: values[found[1]], str(url)))
        for name, url in declared.items()
        if _is_web(str(url)) and set(_PLACE.findall(str(url))) <= set(values)
    )


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
