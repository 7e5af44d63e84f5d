"""Ask every component many times: how often it does not keep its contract, and how often it is slow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from ..outcome import NOT_PROVED, REFUSED, outcome
from ..probe.contract import Contract, judge
from ..probe.load import Load, Pace, Reply, run
from ..verdict.files import write_for
from ..verdict.sequential import Hypotheses, percent
from ..verdict.service import Latency, Service, Total
from ..verdict.whole import ended
from .options import COMPONENTS, PROBING, RUN
from .task import Task

__all__ = ["SPEC", "hypotheses", "work"]

_ERRORS, _LATENCY, _TOTAL = "error rate", "latency", "total"


def hypotheses(limit: float, p0: float, p1: float) -> dict[str, Any]:
    defaults = {"limit": limit, "p0": p0, "p1": p1, "alpha": 0.001, "beta": 0.001, "confidence": 0.95}
    options = {name: {"type": "float", "default": value} for name, value in defaults.items()}
    return {"type": "dict", "options": options, "apply_defaults": True}


SPEC: dict[str, Any] = {
    **RUN,
    **COMPONENTS,
    **PROBING,
    "identities": {"type": "dict", "default": {}},
    "errors": hypotheses(0.01, 0.005, 0.02),
    "late": hypotheses(0.05, 0.025, 0.1),
    "load": {
        "type": "dict",
        "apply_defaults": True,
        "options": {
            "rate": {"type": "float", "default": 100},
            "seconds": {"type": "float", "default": 60},
            "max_requests": {"type": "int", "default": 20000},
            "max_in_flight": {"type": "int", "default": 100},
            "warm_up": {"type": "int", "default": 5},
        },
    },
    "so_far": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """Ask until every component has its verdict, write down what was found, and say how the run ends."""
    params = task.params
    errors, late = Hypotheses(**params["errors"]), Hypotheses(**params["late"])
    problems = [f"validate_errors: {problem}" for problem in errors.problems()]
    problems += [f"validate_late: {problem}" for problem in late.problems()]
    problems += [
        f"validate_load: {name} must be above 0"
        for name, value in params["load"].items()
        if name != "warm_up" and not 0 < value < inf
    ]
    if problems:
        return {"outcome": _refused(params, problems)}
    asked = task.asked
    probing, load = params["probing"], params["load"]
    try:
        ways = task.ways
    except OSError as error:
        return {"outcome": _refused(params, [f"the certificates to trust cannot be read: {error}"])}
    services = {name: Service(errors, late, warm_up=load["warm_up"]) for name in asked}
    watch = _Watch(task, asked, services, Total(errors))
    pace = Pace(
        load["rate"],
        load["seconds"],
        load["max_requests"],
        load["max_in_flight"],
        load["warm_up"],
        probing["slow"],
        probing["timeout"],
    )
    with task.journal.stage("rates", rate=pace.rate, seconds=pace.seconds, warm_up=load["warm_up"]):
        done = run(ways, pace, watch)
        checks = _checks(params, watch, late.confidence)
        for check in checks:
            task.journal.write("rates", **check)
        for name, one in done.items():
            task.journal.write(
                "load",
                component=name,
                requests=one.requests,
                connections=len(one.opened),
                again=one.again,
                stopped=one.stopped or None,
                behind=round(one.behind, 4) or None,
                phases=one.phases,
            )
    return {
        "checks": checks,
        "files": write_for(task.journal),
        "outcome": _end(params, checks, _remarks(watch, done), done, task.journal.elapsed),
    }


@dataclass
class _Watch:
    """Judges the answers while they come (probe/load.py)."""

    task: Task
    contracts: Mapping[str, Contract]
    services: Mapping[str, Service]
    total: Total

    def asked(self, name: str, number: int) -> None:
        self.total.asked(number)
        self.services[name].asked(number)

    def is_late(self, name: str, number: int) -> None:
        self.services[name].is_late(number)
        self._ends_total(name)

    def answered(self, name: str, number: int, reply: Reply) -> None:
        service = self.services[name]
        if reply.timed and reply.seconds > self.task.params["probing"]["slow"]:
            service.is_late(number)
        problems = [reply.fault] if reply.answer is None else self._problems(name, reply)
        self.total.answered(number, bad=bool(problems))
        service.answered(number, reply.seconds if reply.answer and reply.timed else None, problems)
        self._ends_total(name)

    def wants(self, name: str) -> bool:
        return self.services[name].verdict is None

    def _problems(self, name: str, reply: Reply) -> list[str]:
        assert reply.answer is not None
        return judge(
            self.contracts[name],
            reply.answer,
            identity=self.task.params["identities"].get(name),
            max_skew=self.task.params["probing"]["max_skew"],
            # Being slow is a check of its own.
            slow=inf,
            tls_margin=0,
        )

    def _ends_total(self, name: str) -> None:
        if self.services[name].verdict == "fail":
            self.total.end()


def _checks(params: Mapping[str, Any], watch: _Watch, confidence: float) -> list[dict[str, Any]]:
    checks: list[dict[str, Any]] = []
    for item in params["components"]:
        name = item["name"]
        if name not in watch.services:
            why = str(item["health"]["not_applicable"])
            checks.append({"component": name, "check": _ERRORS, "verdict": "not applicable", "detail": why})
            continue
        service = watch.services[name]
        for check, finding in service.findings.items():
            checks.append({"component": name, "check": check, **finding.as_dict()})
            if check == _LATENCY:
                latency = service.latency(confidence)
                checks[-1] |= latency.as_dict()
                slow = params["probing"]["slow"]
                checks[-1]["detail"] += _latency_in_words(latency, slow)
                if finding.verdict == "pass" and (latency.p95 or 0) > slow:
                    # The test ends before that of the errors, and a service may give way under the load meanwhile.
                    checks[-1]["verdict"] = "inconclusive"
                    checks[-1]["detail"] += "; it got slower after the test had passed"
            elif service.problems:
                checks[-1]["problems"] = service.problems
    if watch.services:
        checks.append({"component": _TOTAL, "check": _ERRORS, **watch.total.finding.as_dict()})
    return checks


def _latency_in_words(latency: Latency, slow: float) -> str:
    def told(seconds: float | None) -> str:
        if seconds is None:
            return "not known"
        return f"more than {slow:g} s" if seconds == inf else f"{1000 * seconds:.0f} ms"

    if not latency.n:
        return ""
    bound = "" if latency.bound is None else f" (at most {told(latency.bound)})"
    return (
        f"; p50 {told(latency.p50)}, p95 {told(latency.p95)}{bound}, longest {told(latency.longest)} "
        f"of {latency.n} answers"
    )


def _remarks(watch: _Watch, done: Mapping[str, Load]) -> list[str]:
    """What a person should know beside the verdicts."""
    lines = []
    for name, load in done.items():
        lines += [f"{name}: {text}" for text in watch.services[name].problems]
        if load.stopped:
            lines.append(f"{name}: the load was stopped: {load.stopped}")
        if load.again:
            lines.append(f"{name}: sent again because a kept connection was closed: {load.again}")
        if load.behind:
            lines.append(
                f"{name}: this machine was behind by up to {load.behind:.1f} s; answers of that time are not timed"
            )
    return lines


def _end(
    params: Mapping[str, Any],
    checks: list[dict[str, Any]],
    remarks: list[str],
    done: Mapping[str, Load],
    elapsed: float,
) -> dict[str, Any]:
    environment, load, so_far = params["environment_name"], params["load"], params["so_far"]
    requests = sum(one.requests for one in done.values())
    errors, late = params["errors"], params["late"]
    details = list(remarks)
    details += [
        f"{name}: {next(c['method'] for c in checks if c['check'] == name)}"
        for name in (_ERRORS, _LATENCY)
        if done
    ]
    details.append(
        f"{load['rate']:g} requests/s to each component, {requests} in all; "
        f"the first {load['warm_up']} of each are not timed (warm-up), but count for errors"
    )
    late_in_words = f"p95 < {params['probing']['slow']:g} s"
    if late["limit"] != 0.05:
        late_in_words = f"late answers < {percent(late['limit'])}"
    claim = f"error rate < {percent(errors['limit'])} and {late_in_words}"
    again = f"ansible-playbook validate.yml -i {environment} --tags full"
    if not done:
        message = f"{environment}: {claim} is neither proved nor disproved: nothing was asked"
        return outcome(NOT_PROVED, message, next_=again, details=[*so_far.get("details", []), *details])
    return ended(
        environment,
        checks,
        so_far=so_far,
        claim=claim,
        passed=f"{claim}, {requests} requests, {elapsed:.1f} s in all",
        again=again,
        details=details,
    )


def _refused(params: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    again = f"ansible-playbook validate.yml -i {params['environment_name']} --tags full"
    return outcome(
        REFUSED, "nothing was asked: a setting is wrong", next_=f"correct it, then {again}", details=problems
    )
