"""Run the scenarios of a drill, one after the other, and write down what they came to."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..drill.acts import Means
from ..drill.ask import Vantage
from ..drill.child import Playbooks
from ..drill.documents import document, write_page
from ..drill.gate import problems
from ..drill.history import dates_of, read_history, slower
from ..drill.result import ABORTED, FAIL, NOT_APPLICABLE, PASS, Result
from ..drill.run import heal, run
from ..drill.scenario import Scenario, Wrong, choose, read_all
from ..drill.settings import Settings, settings_of
from ..outcome import DONE, DRILL_ABORTED, DRILL_FAILED, REFUSED, outcome
from ..probe.contract import Contract
from ..release.text import columns
from .drill_check import DRILLED, refused
from .options import GROUPING
from .task import Task

__all__ = ["SPEC", "work"]

SPEC: dict[str, Any] = {
    **DRILLED,
    **GROUPING,
    "root": {"type": "path", "required": True},
    "inventory": {"type": "list", "elements": "str", "required": True},
    "confirmed": {"type": "str", "default": ""},
    "unattended": {"type": "bool", "default": False},
    "heal": {"type": "bool", "default": False},
}


def work(task: Task) -> dict[str, Any]:
    """All of them; the environment is as before at the end of each, or the drill ends there."""
    params = task.params
    found = problems(params) or _not_confirmed(task)
    if found:
        return {"outcome": refused(task, found)}
    try:
        scenarios = choose(read_all(Path(params["folder"])), params["scenarios"])
    except Wrong as error:
        return {"outcome": refused(task, error.problems)}
    if task.check_mode:
        return {"outcome": _only_checked(params["environment_name"], scenarios)}
    settings = settings_of(params["drills"], Path(params["runs_dir"]))
    with _alone(Path(params["runs_dir"])) as alone:
        if not alone:
            return {"outcome": refused(task, [f"another drill is under way in {params['runs_dir']}"])}
        if params["heal"]:
            return {"changed": True, "outcome": _healed(task, settings, scenarios)}
        results = _drilled(task, settings, scenarios)
    ended = _end(task, settings, results)
    page = write_page(
        results,
        {one.name: one for one in scenarios},
        settings,
        task.journal.path.parent,
        run=task.journal.run,
        environment=params["environment_name"],
        outcome=ended,
    )
    return {
        "changed": True,
        "results": [one.as_dict() for one in results],
        "page": str(page),
        "outcome": {**ended, "details": [*ended["details"], f"page     {page}"]},
    }


def _healed(task: Task, settings: Settings, scenarios: list[Scenario]) -> dict[str, Any]:
    means, environment = _means(task, settings), task.params["environment_name"]
    with task.journal.stage("heal"):
        problems = [problem for scenario in scenarios for problem in heal(scenario, means)]
    if problems:
        message = f"{environment}: not all of what a drill left could be put back"
        next_ = f"ansible-playbook status.yml -i {environment}"
        return outcome(DRILL_FAILED, message, next_=next_, details=problems)
    next_ = f"ansible-playbook validate.yml -i {environment} --tags quick"
    return outcome(DONE, f"{environment}: nothing of a drill is left", next_=next_)


def _drilled(task: Task, settings: Settings, scenarios: list[Scenario]) -> list[Result]:
    environment, history = task.params["environment_name"], read_history(settings.history)
    means = _means(task, settings)
    results: list[Result] = []
    for scenario in scenarios:
        start = datetime.now(UTC)
        with task.journal.stage(
            "drill", scenario=scenario.name, title=scenario.title, decision=scenario.decision
        ):
            result = run(scenario, means)
        with task.journal.stage("document", scenario=scenario.name):
            late = slower(result, history, environment, settings.slower_allowed)
            if late:
                result.verdict, result.why = FAIL, late
                result.findings.append(late)
            task.journal.write("drill", scenario=scenario.name, step=result.verdict, said=result.in_words())
            task.journal.write("drill.scenario", **result.as_dict())
            document(
                result,
                scenario,
                settings,
                means.folder,
                run=task.journal.run,
                environment=environment,
                start=start,
                end=datetime.now(UTC),
            )
        results.append(result)
        if result.verdict == ABORTED or (result.verdict != NOT_APPLICABLE and not result.steady):
            break
    with task.journal.stage("update"):
        # What was found becomes work (S108): it is on the page, in the history, and here.
        items = [{"scenario": one.scenario, "what": text} for one in results for text in one.findings]
        task.journal.write("drill.actions", items=items)
    return results


def _means(task: Task, settings: Settings) -> Means:
    params, probing = task.params, task.params["probing"]
    contracts = task.asked
    contracts |= {party["name"]: Contract.of(party["health"]) for party in params["third_parties"]}
    return Means(
        settings=settings,
        journal=task.journal,
        playbooks=Playbooks(Path(params["root"]), params["inventory"], Path(params["runs_dir"]), _extra()),
        contracts=contracts,
        vantage_points={
            name: Vantage(
                connect_to=probing["connect_to"],
                ca_file=probing["ca_file"],
                source=source,
                timeout=probing["slow"] + 3,
            )
            for name, source in settings.vantage_points.items()
        },
        cloudflare={**params["cloudflare"], "api_token": params["cloudflare"]["api_token"]},
        databases={item["name"]: item for item in params["databases"]},
        targets={item["name"]: item["target"] for item in params["components"]},
        client=task.client,
        states=task.states,
        probing=probing,
        folder=task.journal.path.parent,
        until=time.monotonic() + settings.time_box,
    )


def _extra() -> list[str]:
    """The variables that the command line gave: the rollback inside the drill has to see the same inventory."""
    try:
        from ansible import context
    except ImportError:
        return []
    return list(context.CLIARGS.get("extra_vars") or [])


def _not_confirmed(task: Task) -> list[str]:
    params = task.params
    if params["environment_class"] == "local" or params["unattended"]:
        return []
    if params["confirmed"].strip() == task.journal.run:
        return []
    return [
        f"a drill of {params['environment_name']} needs the run's name, typed ({task.journal.run}); "
        "where CI is set nobody is asked"
    ]


@contextmanager
def _alone(runs: Path) -> Iterator[bool]:
    """One drill at a time, as far as this machine knows; the ledger's lock keeps rollbacks apart."""
    runs.mkdir(parents=True, exist_ok=True)
    with (runs / ".drill.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _only_checked(environment: str, scenarios: list[Scenario]) -> dict[str, Any]:
    return outcome(
        DONE,
        f"only a check, nothing was changed: {environment} may be drilled, with {len(scenarios)} scenario(s)",
        next_=f"ansible-playbook drill.yml -i {environment}",
        details=columns(
            [("scenario", "right decision", ""), *((one.name, one.decision, one.title) for one in scenarios)]
        ),
    )


def _end(task: Task, settings: Settings, results: list[Result]) -> dict[str, Any]:
    environment = task.params["environment_name"]
    rows = [("scenario", "verdict", "decision", "RTO", "RPO", "")]
    rows += [
        (
            one.scenario,
            one.verdict,
            one.decision.replace("_", " ") or "-",
            f"{one.rto:.1f} s" if one.rto is not None else "-",
            str(one.rpo) if one.rpo is not None else "-",
            one.why,
        )
        for one in results
    ]
    details = columns(rows)
    dates = dates_of(read_history(settings.history), environment, settings.every)
    if dates.last and dates.next:
        details.append(f"last drill {dates.last:%Y-%m-%d %H:%M} UTC, next by {dates.next:%Y-%m-%d}")
    failed = [one for one in results if one.verdict == FAIL]
    aborted = [one for one in results if one.verdict == ABORTED]
    passed = sum(one.verdict == PASS for one in results)
    again = f"ansible-playbook drill.yml -i {environment} -e scenarios="
    unsteady = next((one for one in (*aborted, *failed) if not one.steady), None)
    where = ", and it is not proved that all is as before" if unsteady else ""
    if aborted or failed:
        told = [one.scenario for one in aborted or failed]
        names = ", ".join(told)
        next_ = f"{again}{unsteady.scenario} -e heal=true" if unsteady else again + ",".join(told)
        if aborted:
            message = f"{names}: {aborted[0].why}{where}"
            return outcome(DRILL_ABORTED, message, next_=next_, details=details)
        message = f"{len(failed)} of {len(results)} scenario(s) failed: {names}{where}"
        return outcome(DRILL_FAILED, message, next_=next_, details=details)
    if not passed:
        message = "nothing was changed: no scenario applies to this environment"
        return outcome(REFUSED, message, next_=f"{again}all", details=details)
    skipped = f", {len(results) - passed} not applicable" if len(results) > passed else ""
    message = f"{environment}: {passed} scenario(s) passed{skipped}, {task.journal.elapsed:.0f} s"
    return outcome(DONE, message, next_=f"ansible-playbook status.yml -i {environment}", details=details)
