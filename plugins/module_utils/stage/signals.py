"""Ask those who measure the application: analytics, metrics, logs, errors. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..concurrent import each
from ..signal import cloudflare
from ..signal.declared import ADAPTERS, CHECKS
from ..signal.model import Reading, Unread, Window, judged
from ..signal.sources import NUMBERS
from ..verdict.files import write_for
from ..verdict.whole import ended
from .options import CLOUDFLARE, COMPONENTS, RUN, SIGNALS
from .task import Task

__all__ = ["SPEC", "asked", "read", "secrets_of", "work"]

SPEC: dict[str, Any] = {
    **RUN,
    **CLOUDFLARE,
    **COMPONENTS,
    **SIGNALS,
    "identities": {"type": "dict", "default": {}},
    "seconds": {"type": "float", "default": 300},
    "so_far": {"type": "dict", "default": {}},
}


def work(task: Task) -> dict[str, Any]:
    """Ask all at once, write down what they said, and say how the run ends."""
    params = task.params
    versions = {name: told.get("version_id") for name, told in params["identities"].items()}
    with task.journal.stage("signals", seconds=params["seconds"]):
        checks = [reading.as_dict() for reading in read(task, Window.last(params["seconds"]), versions)]
        for check in checks:
            task.journal.write("check", **check)
    environment = params["environment_name"]
    told = sum(check["verdict"] != "not applicable" for check in checks)
    return {
        "checks": checks,
        "files": write_for(task.journal),
        "outcome": ended(
            environment,
            checks,
            so_far=params["so_far"],
            claim="the signals are within their thresholds",
            passed=f"{told} signals within their thresholds" if told else "no signals are configured",
            again=f"ansible-playbook validate.yml -i {environment} --tags signals",
        ),
    }


def read(task: Task, window: Window, versions: Mapping[str, str | None]) -> list[Reading]:
    """What every declared source says of the window. ``versions`` are what serves, per component.

    Whoever does not answer is inconclusive, with the reason; an adapter that is not declared is named as such.
    """
    declared, environment = task.params["signals"], task.params["environment_name"]
    for secret in secrets_of(declared.get("sources", [])):
        task.redactor.learn(secret)
    sources = declared.get("sources", [])
    found: list[Reading] = []
    for source, answer in zip(sources, each(partial(asked, task, window), sources), strict=True):
        if isinstance(answer, Unread):
            of = source.get("component") or environment
            found.append(Reading(of, source["check"], "inconclusive", str(answer)))
        elif isinstance(answer, Exception):
            raise answer
        else:
            found += answer(versions)
    found += [
        Reading(environment, "signals", "inconclusive", problem) for problem in declared.get("problems", [])
    ]
    used = {source["adapter"] for source in sources}
    for adapter in ADAPTERS:
        if adapter not in used and not any(
            f"signals.{adapter}" in text for text in declared.get("problems", [])
        ):
            found.append(
                Reading(environment, CHECKS.get(adapter, adapter), "not applicable", "not configured")
            )
    return found


def secrets_of(sources: list[dict[str, Any]]) -> list[str]:
    """What must show nowhere."""
    return [
        str(secret)
        for source in sources
        for secret in (source.get("token"), *(source.get("headers") or {}).values())
        if secret
    ]


def asked(
    task: Task, window: Window, source: Mapping[str, Any]
) -> Callable[[Mapping[str, str | None]], list[Reading]]:
    """Ask a source; the result says what it means where these versions serve, per component. Raises Unread."""
    environment = task.params["environment_name"]
    if source["adapter"] != "cloudflare":
        names = {**window.names, "environment": environment}
        numbers = NUMBERS[source["adapter"]](source, window, names)
        return lambda versions: [judged(source["component"] or environment, source, numbers, window)]
    account, api = task.params["cloudflare"]["account_id"], task.params["cloudflare"]["api_url"]
    workers = {item["name"]: item["target"] for item in task.params["components"] if item["kind"] == "worker"}
    rows = cloudflare.invocations(api, account, source["token"] or task.token, workers.values(), window)
    return lambda versions: cloudflare.readings(source, workers, versions, rows, window)
