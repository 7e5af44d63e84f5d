"""What may be said of a run is one list, wherever it is offered, taken or explained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

from ansible.parsing.dataloader import DataLoader

from knowngood.environment import Trigger
from plugins.module_utils.incident import SEVERITY_BY_TRIGGER, TRIGGERS
from plugins.module_utils.stage import before, decide, lock, plan
from plugins.module_utils.stage.following import _TRIGGERS as OF_A_WATCH
from plugins.module_utils.trigger.evidence import ASKED

ROOT = Path(__file__).resolve().parents[3]


def read(path: str) -> Any:
    return DataLoader().load_from_file(str(ROOT / path))


def words(text: str) -> list[str]:
    """The triggers that a text names as code, in its order, once each."""
    return list(dict.fromkeys(name for name in re.findall(r"`(\w+)`", text) if name in SEVERITY_BY_TRIGGER))


def test_where_it_is_taken() -> None:
    options = read("roles/preflight/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    taken = {name: options[name]["choices"] for name in ("trigger", "lock_trigger")}
    taken |= {stage.__name__: stage.SPEC["trigger"]["choices"] for stage in (before, decide, plan)}
    taken["lock"] = lock.SPEC["incident"]["options"]["trigger"]["choices"]
    taken["from Python"] = get_args(Trigger)
    taken["AWX"] = next(
        question["choices"]
        for question in read("awx/job_templates.yml")["awx_questions"].values()
        if question["variable"] == "trigger"
    )
    assert {name: list(choices) for name, choices in taken.items()} == {
        name: list(TRIGGERS) for name in taken
    }


def test_where_it_is_said() -> None:
    used = set(re.findall(r"trigger: (\w+)$", (ROOT / "rulebooks/rollback.yml").read_text(), re.MULTILINE))
    assert used | set(OF_A_WATCH.values()) <= set(TRIGGERS)


def test_where_it_is_explained() -> None:
    report = (ROOT / "docs/incident-report.md").read_text()
    assert words(re.search(r"^\| trigger \|.*$", report, re.MULTILINE)[0]) == list(TRIGGERS)  # type: ignore[index]
    runbook = (ROOT / "docs/runbook.md").read_text()
    assert words(re.search(r"^`trigger` is .*$", runbook, re.MULTILINE)[0]) == list(TRIGGERS)  # type: ignore[index]
    triggers = (ROOT / "docs/triggers.md").read_text()
    table = triggers.partition("## A person")[2]
    rows = [line for line in table.splitlines() if re.match(r"\| `\w+`", line)]
    assert sorted(name for row in rows for name in words(row.split("|")[1])) == sorted(TRIGGERS)


def test_what_asks_for_nothing_is_told_alike() -> None:
    assert tuple(ASKED) == TRIGGERS
    told = read("roles/preflight/vars/main.yml")["preflight_asks"]
    assert re.findall(r"'(\w+)'", told) == [name for name, kinds in ASKED.items() if not kinds]
