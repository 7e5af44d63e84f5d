"""The same question from several places: what works from one and not from another is said as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .check import Checked
from .connect import Connector
from .tunnel import problem_of

__all__ = ["HERE", "Vantage", "judged", "problems_of"]

HERE = "here"
_SETTINGS = ("name", "connect_to", "proxy")


@dataclass(frozen=True, slots=True)
class Vantage:
    """A place to ask from: through a ``proxy`` that stands there, or by another address (``connect_to``)."""

    name: str
    connect_to: str = ""
    proxy: str = ""

    def connector(self, *, connect_to: str, ca_file: str, timeout: float) -> Connector:
        """``connect_to`` is where all requests go, when this place says nothing else."""
        to = self.connect_to or connect_to
        return Connector(connect_to=to, ca_file=ca_file, proxy=self.proxy, timeout=timeout)


def judged(component: str, vantage: str, found: Checked, here: Checked) -> dict[str, Any]:
    """The check of one component from one place, beside what is seen from here."""
    why = "; ".join(found.problems)
    if found.blind:
        verdict, detail = "inconclusive", f"not known from {vantage}: {why}"
    elif found.verdict == "pass":
        verdict, detail = "pass", ""
        if here.verdict != "pass":
            detail = f"it works from {vantage}, and not from {HERE}"
        elif found.attempts > 1:
            detail = f"at attempt {found.attempts}, after: {'; '.join(found.earlier)}"
    else:
        verdict = "fail"
        split = f"it works from {HERE}, and not from {vantage}"
        detail = f"{split}: {why}" if here.verdict == "pass" else why
    told = {"component": component, "check": f"health from {vantage}", "verdict": verdict, "detail": detail}
    return told | {"attempts": found.attempts, "seconds": found.seconds}


def problems_of(declared: Any) -> list[str]:
    """What is wrong with declared vantage points, one sentence each."""
    if not isinstance(declared, Iterable) or isinstance(declared, str | Mapping):
        return ["vantage_points must be a list of places, each with a name and a proxy or connect_to"]
    problems, names = [], {HERE}
    for number, place in enumerate(declared):
        where = f"vantage_points[{number}]"
        if not isinstance(place, Mapping):
            problems.append(f"{where} must be a mapping with a name and a proxy or connect_to")
            continue
        problems += [
            f"{where}.{key} is no setting; there are {', '.join(_SETTINGS)}"
            for key in place
            if key not in _SETTINGS
        ]
        name = place.get("name")
        if not isinstance(name, str) or not name:
            problems.append(f"{where}.name is not set")
        elif name in names:
            problems.append(f"{where}.name is {name}, as for another place")
        names.add(str(name))
        proxy, to = place.get("proxy"), place.get("connect_to")
        if not proxy and not to:
            problems.append(f"{where} needs a proxy or connect_to: how else would it differ from here?")
        if proxy and (problem := problem_of(proxy)):
            problems.append(f"{where}.proxy {problem}")
        if to and not _is_place(to):
            problems.append(f"{where}.connect_to must be host:port")
    return problems


def _is_place(text: Any) -> bool:
    try:
        parts = urlsplit(f"//{text}") if isinstance(text, str) else None
        return bool(parts and parts.hostname and parts.port and parts.netloc == text)
    except ValueError:
        return False
