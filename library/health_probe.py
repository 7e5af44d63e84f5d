#!/usr/bin/python
"""Ask every component for its health, and hold the answers against the contracts."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: health_probe
short_description: Hold every component against its health contract
version_added: "0.1.0"
description:
  - Asks all components at once, over the public address, and checks status, body, version, freshness, TLS and time
    against the contract of each. It keeps asking a component that fails, up to O(probing.seconds).
  - Fails when one component breaks its contract. A component that is declared to have no check is named as such.
options:
  identities:
    description: "Per component: what its version may be called (release, tag, commit, version_id)."
    type: dict
    required: true
  release: {description: The release that should be served; for the messages., type: str, default: ""}
  came_before:
    description: What came before in this run, for the messages; a rollback can find that there is nothing to move.
    type: str
    choices: [nothing, switch, no_change]
    default: nothing
  left_out: {description: Declared components that this run does not touch., type: list, elements: str, default: []}
extends_documentation_fragment: [knowngood.run, knowngood.components, knowngood.probing]
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Prove it by use
  health_probe:
    environment_name: production
    components: "{{ preflight_components }}"
    identities: "{{ live.identities }}"
    probing: {seconds: 30}
    runs_dir: "{{ runs_dir }}"
    run: "{{ live.run }}"
  run_once: true
"""

RETURN = r"""
checked:
  description: "Per component: verdict, problems, url, attempts, seconds, version, tls_days."
  returned: always
  type: list
  elements: dict
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.concurrent import each
from ansible.module_utils.journal import Journal
from ansible.module_utils.outcome import DONE, INVALID, outcome
from ansible.module_utils.probe.check import Checked, check
from ansible.module_utils.probe.contract import Contract
from ansible.module_utils.release.text import columns
from ansible.module_utils.task import (
    COMPONENTS,
    PROBING,
    RUN,
    connector_of,
    contracts_of,
    limits_of,
    run_module,
)


def validate(module: AnsibleModule, journal: Journal) -> dict[str, Any]:
    """Check all, and say how the run ends."""
    params = module.params
    connector, limits, known = connector_of(module), limits_of(module), params["identities"]
    declared = contracts_of(module)
    contracts = {name: contract for name, contract in declared.items() if contract is not None}

    def one(item: tuple[str, Contract]) -> Checked:
        name, contract = item
        return check(connector, name, contract, limits, identity=known.get(name), journal=journal)

    with journal.stage("validate"):
        checked: list[Checked] = []
        for result in each(one, contracts.items()):
            if isinstance(result, Exception):
                raise result
            checked.append(result)
    skipped = {
        item["name"]: item["health"]["not_applicable"]
        for item in params["components"]
        if "not_applicable" in item["health"]
    }
    return {
        "checked": [item.as_dict() for item in checked],
        "outcome": _end(params, checked, skipped, journal.elapsed),
    }


def _end(
    params: dict[str, Any], checked: list[Checked], skipped: dict[str, str], elapsed: float
) -> dict[str, Any]:
    environment, release = params["environment_name"], params["release"]
    rows = [("component", "verdict", "version", "answer", "")]
    for item in checked:
        took = f"{item.seconds * 1000:.0f} ms" if item.seconds is not None else "-"
        retried = [f"{item.attempts} attempts"] if item.attempts > 1 else []
        rows.append(
            (item.component, item.verdict, item.version or "-", took, "; ".join([*item.problems, *retried]))
        )
    rows += [(name, "not applicable", "-", "-", str(reason)) for name, reason in skipped.items()]
    details = columns(rows)
    if params["left_out"]:
        details.append(f"not in this run: {', '.join(params['left_out'])}")
    failed = [item.component for item in checked if item.verdict != "pass"]
    if failed:
        message = (
            f"{environment}: {', '.join(failed)} {'does' if len(failed) == 1 else 'do'} not keep the contract"
        )
        after = f"ansible-playbook rollback.yml -i {environment}"
        if params["came_before"] != "nothing":
            message = f"the set is at {release}, but {message}"
            after = f"ansible-playbook rollback.yml -i {environment} -e release=<an older one>"
        return outcome(INVALID, message, next_=after, details=details)
    what = f"{environment} serves {release}" if release else f"{environment} works"
    if params["came_before"] == "no_change":
        what = f"nothing to do: {what} already"
    part = (
        "" if not params["left_out"] else f" (without {', '.join(params['left_out'])}: the set is incomplete)"
    )
    proof = f"{len(checked)} of {len(checked) + len(skipped)} components checked"
    after = f"ansible-playbook status.yml -i {environment}"
    return outcome(DONE, f"{what}{part}; {proof}, {elapsed:.1f} s", next_=after, details=details)


def main() -> None:
    """Entry point."""
    spec = {
        **RUN,
        **COMPONENTS,
        **PROBING,
        "identities": {"type": "dict", "required": True},
        "release": {"type": "str", "default": ""},
        "came_before": {"type": "str", "choices": ["nothing", "switch", "no_change"], "default": "nothing"},
        "left_out": {"type": "list", "elements": "str", "default": []},
    }
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), validate)


if __name__ == "__main__":
    main()
