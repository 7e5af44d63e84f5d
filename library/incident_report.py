#!/usr/bin/python
"""Close the journal of a run, and write its incident report."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: incident_report
short_description: Close the journal of a run, and write its incident report
version_added: "0.2.0"
description:
  - Signs the end of the journal (Ed25519), then writes the report of the run in every form into C(report/) beside it.
    The last stage of a run. Nothing that goes wrong here fails it.
options:
  signing_key:
    description: PEM file with the key; made at first use. Empty for C(signing.pem) in I(runs_dir).
    type: path
    default: ""
  archive:
    description: Where journal and report are kept too, as a branch C(knowngood/<environment>/<run>).
    type: dict
    suboptions:
      repository:
        description: Address of a git repository; credentials in it are not shown.
        type: str
        required: true
extends_documentation_fragment: [knowngood.run]
attributes:
  check_mode: {support: full, description: Then nothing is written.}
  diff_mode: {support: none, description: Nothing of the environment changes.}
"""

EXAMPLES = r"""
- name: Write the incident report
  incident_report:
    environment_name: production
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true
"""

RETURN = r"""
report: {description: The page., returned: when it was written, type: str}
files: {description: Path of every form by its name., returned: not in check mode, type: dict}
archive: {description: Branch of the archive., returned: when it is there, type: str}
warnings: {description: What was not written or signed., returned: when there is something, type: list, elements: str}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.report import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
