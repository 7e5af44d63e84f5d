"""Ask a component how it is until it keeps its contract, or the time is up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..journal import Journal
from .connect import Connector, NoAnswer
from .contract import Contract, judge, said_version
from .posture import Posture

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
    """The verdict on one component. ``attempts`` above 1 are a finding even when the last one passed.

    ``earlier`` is what was wrong at the first attempt of several. ``blind``: the way there is broken, so a failure
    says nothing of the component. ``posture`` is what the last answer showed, without one ``None``.
    """

    component: str
    verdict: str
    problems: tuple[str, ...]
    url: str
    attempts: int
    seconds: float | None = None
    version: str | None = None
    tls_days: float | None = None
    earlier: tuple[str, ...] = ()
    blind: bool = False
    posture: Posture | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the journal and for other stages: of the posture only which headers are in force."""
        told = asdict(self)
        posture = told.pop("posture")
        headers = posture and posture["headers"]
        told["headers"] = None if headers is None else list(headers)
        told["blind"] = self.blind or None
        return told


def check(
    connector: Connector,
    component: str,
    contract: Contract,
    limits: Limits,
    *,
    identity: Mapping[str, str | None] | None,
    journal: Journal | None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
    unseen: bool = False,
    said_before: str | None = None,
) -> Checked:
    """Probe until the contract is kept, at most ``limits.seconds``. Without a ``journal`` it is not written down.

    ``identity`` is what the expected version is called, ``said_before`` what the component called itself before the
    switch. ``url`` and ``headers`` are used to see a version that takes no traffic yet, which ``unseen`` says in the
    journal.
    """
    url = url or contract.url
    deadline = limits.since + limits.seconds
    pause = _FIRST_PAUSE
    attempts = 0
    earlier: tuple[str, ...] = ()
    while True:
        attempts += 1
        try:
            answer = connector.get(url, headers)
        except NoAnswer as error:
            checked = Checked(
                component, "fail", (str(error),), url, attempts, earlier=earlier, blind=error.unseen
            )
        else:
            problems = judge(
                contract,
                answer,
                identity=identity,
                max_skew=limits.max_skew,
                slow=limits.slow,
                tls_margin=limits.tls_margin,
                said_before=said_before,
            )
            version = said_version(contract, answer)
            checked = Checked(
                component,
                "fail" if problems else "pass",
                tuple(problems),
                url,
                attempts,
                round(answer.seconds, 4),
                version,
                None if answer.tls_days is None else round(answer.tls_days, 1),
                earlier,
                posture=Posture.of(answer, own=answer.status in contract.status, version=version),
            )
        if checked.verdict == "pass" or time.monotonic() + pause > deadline:
            if journal is not None:
                journal.write("probe", **checked.as_dict(), unseen=unseen or None)
            return checked
        earlier = earlier or checked.problems
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)
