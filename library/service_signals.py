#!/usr/bin/python
"""Ask those who measure the application, and hold their numbers against thresholds."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: service_signals
short_description: Hold analytics, metrics, logs and errors against their thresholds
version_added: "0.1.0"
description:
  - Asks all declared sources at once for the last O(seconds) (Cloudflare's analytics by version, Prometheus, Loki,
    Sentry, and services that answer with JSON), and holds the numbers against their thresholds.
  - Fails when a number is beyond its threshold, and with another exit code when there is none. A source without data,
    or that cannot be reached, is inconclusive and never passes; an adapter that is not declared is not applicable.
  - Writes an event C(check) for each, and C(validation.json) and C(validation.xml) beside the journal.
options:
  identities:
    description: "Per component: what its version may be called; analytics are those of C(version_id)."
    type: dict
    default: {}
  seconds: {description: How long before now is asked for., type: float, default: 300}
  so_far: {description: The outcome of the module before., type: dict, default: {}}
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.components, knowngood.signals]
attributes:
  check_mode: {support: full, description: It never changes anything.}
  diff_mode: {support: none, description: Nothing changes.}
"""

EXAMPLES = r"""
- name: Ask those who measure it
  service_signals:
    environment_name: production
    signals: "{{ hostvars[inventory_hostname] | declared_signals }}"
    components: "{{ preflight_components }}"
    identities: "{{ live.identities }}"
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ live.run }}"
  run_once: true
"""

RETURN = r"""
checks:
  description: "Per check: component, check, verdict, detail; with a number also number, max or min, and window."
  returned: always
  type: list
  elements: dict
files: {description: Where C(json) and C(xml) are., returned: always, type: dict}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.signals import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
