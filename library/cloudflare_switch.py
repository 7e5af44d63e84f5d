#!/usr/bin/python
"""Move Workers and Pages to the planned versions, all at once, and read back."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudflare_switch
short_description: Move Workers and Pages to the planned versions
version_added: "0.1.0"
description:
  - Makes every component serve its planned version, concurrently, and reads back that it does. A component that is
    already there is not touched; one that serves neither the planned origin nor the target is not touched either,
    because somebody else moved it.
  - A write without an answer is read back before anything else is done. Run again after a kill, it finishes.
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.moves]
attributes:
  check_mode: {support: full, description: Says what would move and moves nothing.}
  diff_mode: {support: full, description: Shows the version of each component before and after.}
"""

EXAMPLES = r"""
- name: Move the whole set
  cloudflare_switch:
    environment_name: "{{ environment_name }}"
    moves: "{{ plan.plan.moves }}"
    message: "back to {{ plan.plan.release }}"
    components: "{{ preflight_components }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan.run }}"
  run_once: true
"""

RETURN = r"""
moved:
  description: "Per component: state (moved, already, stayed, unknown), the version that serves, seconds, problem."
  returned: always
  type: list
  elements: dict
seconds: {description: How long the whole switch took., returned: always, type: float}
outcome: {description: How the run ends here., returned: when the set could not be moved whole, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

import time
from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.cloudflare.switch import Moved, switch
from ansible.module_utils.journal import Journal
from ansible.module_utils.outcome import FAILED, PARTIAL, REFUSED, outcome
from ansible.module_utils.release.plan import Move
from ansible.module_utils.task import (
    CLOUDFLARE,
    COMPONENTS,
    MOVING,
    RUN,
    moves_of,
    platform_of,
    run_module,
)


def move_all(module: AnsibleModule, journal: Journal) -> dict[str, Any]:
    """Switch, and say where everything stands when it is not whole."""
    moves = moves_of(module)
    result: dict[str, Any] = {"moved": [], "seconds": 0.0, "changed": any(move.changes for move in moves)}
    if module._diff:
        result["diff"] = {
            "before": "".join(f"{move.component}: {move.from_label}\n" for move in moves),
            "after": "".join(f"{move.component}: {move.to_label}\n" for move in moves),
        }
    if module.check_mode:
        return result
    began = time.monotonic()
    with journal.stage("switch"):
        moved = switch(
            platform_of(module, journal),
            moves,
            order={item["name"]: item["after"] for item in module.params["components"]},
            message=module.params["message"],
            force=module.params["accept_secret_change"],
            journal=journal,
        )
    result["moved"] = [asdict(item) for item in moved]
    result["seconds"] = round(time.monotonic() - began, 4)
    result["changed"] = any(item.state == "moved" for item in moved)
    if not all(item.at_target for item in moved):
        result["outcome"] = _end(module.params["environment_name"], moves, moved)
    return result


def _end(environment: str, moves: list[Move], moved: list[Moved]) -> dict[str, Any]:
    label = {move.component: move.to_label for move in moves}
    before = {move.component: move.from_label for move in moves}
    again = f"ansible-playbook rollback.yml -i {environment}"
    details = [
        f"{item.component}: at {label[item.component]}, the target"
        if item.at_target
        else f"{item.component}: still at {item.where or before[item.component]}: {item.problem}"
        for item in moved
    ]
    missing = [item for item in moved if not item.at_target]
    secrets = sorted({name for item in missing for name in item.secrets})
    if secrets:
        again += " -e accept_secret_change=true"
    arrived = len(moved) - len(missing)
    if arrived:
        message = f"the set is mixed: {arrived} of {len(moved)} components arrived"
        return outcome(PARTIAL, message, next_=f"{again}  (goes on from here)", details=details)
    if all(item.state == "stayed" for item in missing):
        return outcome(
            REFUSED, "nothing was changed: no component could be moved", next_=again, details=details
        )
    return outcome(
        FAILED,
        "no component is known to have arrived",
        next_=f"{again}  (goes on from here)",
        details=details,
    )


def main() -> None:
    """Entry point."""
    spec = {**RUN, **CLOUDFLARE, **COMPONENTS, **MOVING}
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), move_all)


if __name__ == "__main__":
    main()
