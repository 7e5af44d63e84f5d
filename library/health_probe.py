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
  - Compares security headers and certificate with how they were before the change, when it is told; what is gone and
    not explained by the release fails. Without a change, the headers that were recorded with the release must be there.
  - Behind the maintenance page nothing can be seen. A component for which it answers is not proved, and not to blame.
  - Writes C(validation.json), C(validation.xml) (JUnit) and C(validation.html) of what the run has checked so far beside the journal.
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
  databases: {description: What M(database_check) returned., type: list, elements: dict, default: []}
  before:
    description: "How the components were before the change: C(seen) of M(service_before)."
    type: dict
  recorded_headers:
    description: "Per component: the security headers that the release had when it was found to be good."
    type: dict
    default: {}
  maintenance:
    description:
      - "What the ledger knows of the maintenance page, as M(cloudflare_info) returns it: C(hosts), C(records), C(since),
        C(by). Empty when it is not shown."
    type: dict
    default: {}
  vantage_points:
    description: Places besides this machine from which every contract is checked too.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: What it is called., type: str, required: true}
      connect_to: {description: "C(host:port) to connect to, whatever the name is.", type: str, default: ""}
      proxy: {description: "A proxy there: C(http://) for CONNECT, or C(socks5://).", type: str, default: ""}
  notes: {description: Lines to show with the verdict., type: list, elements: str, default: []}
  budget: {description: Seconds that the whole run may take; a run that took longer says so., type: float, default: 120}
  since: {description: "Seconds of the run that do not count, because it only watched.", type: float, default: 0}
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
  description: "Per component: verdict, problems, url, attempts, seconds, version, tls_days, earlier, headers."
  returned: always
  type: list
  elements: dict
files: {description: "Where C(json), C(xml) and C(html) are.", returned: always, type: dict}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.validate import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
