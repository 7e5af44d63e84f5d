#!/usr/bin/python
"""Try the planned versions on the real platform before anybody sees them."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudflare_rehearse
short_description: Try the planned versions before anybody sees them
version_added: "0.1.0"
description:
  - Puts every planned Worker version into the current deployment at 0 %, asks it for its health with the header
    C(Cloudflare-Workers-Version-Overrides), and asks every planned Pages deployment at its own address.
  - If a target fails, or Cloudflare refuses one, all are withdrawn again and the module fails; users never met them.
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.moves, knowngood.probing]
attributes:
  check_mode: {support: full, description: Then nothing is put into a deployment and nothing is asked.}
  diff_mode: {support: none, description: What is served does not change.}
"""

EXAMPLES = r"""
- name: Try the target unseen
  cloudflare_rehearse:
    environment_name: "{{ environment_name }}"
    moves: "{{ plan.plan.moves }}"
    message: rehearsal
    components: "{{ preflight_components }}"
    cloudflare: "{{ preflight_cloudflare }}"
    probing: {seconds: 10}
    runs_dir: "{{ runs_dir }}"
    run: "{{ plan.run }}"
  run_once: true
"""

RETURN = r"""
rehearsed:
  description: "Per component: verdict (pass, fail, refused, inconclusive) and why."
  returned: always
  type: list
  elements: dict
outcome: {description: How the run ends here., returned: when a target failed or was refused, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.cloudflare.rehearse import Rehearsed, rehearse, withdraw
from ansible.module_utils.journal import Journal
from ansible.module_utils.outcome import REFUSED, outcome
from ansible.module_utils.release.plan import Move
from ansible.module_utils.task import (
    CLOUDFLARE,
    COMPONENTS,
    MOVING,
    PROBING,
    RUN,
    connector_of,
    contracts_of,
    limits_of,
    moves_of,
    platform_of,
    run_module,
)


def rehearsal(module: AnsibleModule, journal: Journal) -> dict[str, Any]:
    """Try, and withdraw when one of them failed."""
    moves = moves_of(module)
    if module.check_mode:
        return {"rehearsed": []}
    platform = platform_of(module, journal)
    force = module.params["accept_secret_change"]
    with journal.stage("rehearse"):
        tried = rehearse(
            platform,
            connector_of(module),
            moves,
            contracts_of(module),
            limits_of(module),
            message=module.params["message"],
            force=force,
            journal=journal,
        )
        result: dict[str, Any] = {"rehearsed": [asdict(item) for item in tried], "changed": True}
        bad = [item for item in tried if item.verdict in ("fail", "refused")]
        if bad:
            stuck = withdraw(platform, moves, "rehearsal withdrawn")
            result["outcome"] = _end(module.params["environment_name"], moves, bad, stuck)
    return result


def _end(environment: str, moves: list[Move], bad: list[Rehearsed], stuck: list[str]) -> dict[str, Any]:
    secrets = sorted({name for item in bad for name in item.secrets})
    details = [f"{item.component}: {item.why}" for item in bad]
    details += [f"{name}: the rehearsed version is still in its deployment, at 0 %" for name in stuck]
    again = f"ansible-playbook rollback.yml -i {environment}"
    if secrets:
        return outcome(
            REFUSED,
            f"nothing was changed: going back would also bring back old values of {', '.join(secrets)}",
            next_=f"{again} -e accept_secret_change=true, if the old values still work",
            details=details,
        )
    names = ", ".join(item.component for item in bad)
    refused = any(item.verdict == "refused" for item in bad)
    why = (
        f"Cloudflare does not take the target of {names}"
        if refused
        else f"the target itself fails on {names}"
    )
    return outcome(
        REFUSED,
        f"nothing was changed: {why}",
        next_=f"{again} -e release=<another>, or -e rehearse=false to go there all the same",
        details=details,
    )


def main() -> None:
    """Entry point."""
    spec = {**RUN, **CLOUDFLARE, **COMPONENTS, **PROBING, **MOVING}
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), rehearsal)


if __name__ == "__main__":
    main()
