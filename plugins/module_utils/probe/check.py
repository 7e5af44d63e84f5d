"""Ask a component how it is until it keeps its contract, or the time is up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..journal import Journal
from .connect import Connector, NoAnswer
from .contract import Contract, judge, said_version

__all__ = ["Checked", "Limits", "check"]

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` to keep asking, ``max_skew`` and ``slow`` in seconds, ``tls_margin`` in days.

    The clock runs from when the limits are made, for all components together: however many there are,
    the check is over in time.
    """

    seconds: float
    max_skew: float = 60
    slow: float = 2
    tls_margin: float = 14
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on one component. ``attempts`` above 1 are a finding even when the last one passed."""

    component: str
    verdict: str
    problems: tuple[str, ...]
    url: str
    attempts: int
    seconds: float | None = None
    version: str | None = None
    tls_days: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(
    connector: Connector,
    component: str,
    contract: Contract,
    limits: Limits,
    *,
    identity: Mapping[str, str | None] | None,
    journal: Journal,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    unseen: bool = False,
) -> Checked:
    """Probe until the contract is kept, at most ``limits.seconds``.

    ``identity`` is what the expected version is called; ``url`` and ``headers`` are used to see a
    version that takes no traffic yet, which ``unseen`` says in the journal.
    """
    url = url or contract.url
    deadline = limits.since + limits.seconds
    pause = _FIRST_PAUSE
    attempts = 0
    while True:
        attempts += 1
        try:
            answer = connector.get(url, headers)
        except NoAnswer as error:
            checked = Checked(component, "fail", (str(error),), url, attempts)
        else:
            problems = judge(
                contract,
                answer,
                identity=identity,
                max_skew=limits.max_skew,
                slow=limits.slow,
                tls_margin=limits.tls_margin,
            )
            checked = Checked(
                component,
                "fail" if problems else "pass",
                tuple(problems),
                url,
                attempts,
                round(answer.seconds, 4),
                said_version(contract, answer),
                None if answer.tls_days is None else round(answer.tls_days, 1),
            )
        if checked.verdict == "pass" or time.monotonic() + pause > deadline:
            journal.write("probe", **checked.as_dict(), unseen=unseen or None)
            return checked
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)
