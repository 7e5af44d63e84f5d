"""Look at every component as it is before the change, so that it can be said what the change did to it."""

from __future__ import annotations

import time
from typing import Any

from ..concurrent import each
from ..incident import TRIGGERS
from ..probe.connect import Connector, NoAnswer
from ..probe.contract import Answer, Contract, judge, said_version
from ..probe.posture import Posture
from ..recovery.hidden import because, hidden
from ..trigger.evidence import ASKED, COMPONENT, PROTECTION, Evidence
from ..verdict.posture import headers_check, tls_check
from .evidence import write
from .options import COMPONENTS, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **COMPONENTS,
    **PROBING,
    "trigger": {"type": "str", "choices": list(TRIGGERS), "default": "person"},
    "release": {"type": "str", "default": ""},
    "recorded_headers": {"type": "dict", "default": {}},
    "maintenance": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """One question to each, all at once. What does not answer in time is not known, and nothing waits for it.

    The same answers are the evidence for what a person said of the application.
    """
    probing = task.params["probing"]
    asked, page = task.asked, task.params["maintenance"]
    ends = time.monotonic() + probing["seconds"]

    def connector() -> Connector:
        left = ends - time.monotonic()
        if left <= 0:
            raise NoAnswer("no time was left to ask")
        return Connector(connect_to=probing["connect_to"], ca_file=probing["ca_file"], timeout=left)

    def look(name: str) -> Answer:
        if hidden(connector(), page, {name: asked[name]}):
            raise NoAnswer(because(page), unseen=True)
        return connector().get(asked[name].url)

    seen: dict[str, dict[str, Any]] = {}
    evidence: list[Evidence] = []
    with task.journal.stage("before"):
        for (name, contract), found in zip(asked.items(), each(look, asked), strict=True):
            if isinstance(found, Exception):
                # Whatever it is: that it is not known how it was before must not keep anybody from rolling back.
                why = str(found) if isinstance(found, NoAnswer) else f"{type(found).__name__}: {found}"
                task.journal.write("before", component=name, known=False, why=why)
                evidence += _without(task, name, found, why)
                continue
            version = said_version(contract, found)
            posture = Posture.of(found, own=found.status in contract.status, version=version)
            seen[name] = posture.as_dict()
            task.journal.write("before", component=name, known=True, **seen[name])
            evidence += _of(task, name, contract, found, posture)
        write(task, task.params["trigger"], (COMPONENT, PROTECTION), evidence)
    return {"seen": seen}


def _without(task: Task, name: str, error: Exception, why: str) -> list[Evidence]:
    """Of a component that gave no answer: when it is its fault, that is the answer."""
    kinds = ASKED[task.params["trigger"]]
    mine = isinstance(error, NoAnswer) and not error.unseen
    if COMPONENT in kinds and mine:
        return [Evidence(COMPONENT, name, "health", "fail", why)]
    checks = {COMPONENT: ("health",), PROTECTION: ("headers", "tls")}
    return [
        Evidence(kind, name, check, "inconclusive", f"could not be asked: {why}")
        for kind in (COMPONENT, PROTECTION)
        if kind in kinds
        for check in checks[kind]
    ]


def _of(task: Task, name: str, contract: Contract, answer: Answer, posture: Posture) -> list[Evidence]:
    kinds, params = ASKED[task.params["trigger"]], task.params
    found = []
    if COMPONENT in kinds:
        limits = {limit: params["probing"][limit] for limit in ("max_skew", "slow", "tls_margin")}
        problems = judge(contract, answer, identity=None, **limits)
        detail = "; ".join(problems) or f"it answers in {answer.seconds * 1000:.0f} ms"
        found.append(Evidence(COMPONENT, name, "health", "fail" if problems else "pass", detail))
    if PROTECTION in kinds:
        recorded, release = params["recorded_headers"].get(name), params["release"]
        checks = [headers_check(name, None, posture, recorded=recorded, release=release)]
        if posture.fingerprint:
            checks.append(tls_check(name, None, posture, margin=params["probing"]["tls_margin"]))
        found += [
            Evidence(PROTECTION, name, check["check"], check["verdict"], check["detail"]) for check in checks
        ]
    return found
