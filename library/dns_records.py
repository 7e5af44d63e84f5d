#!/usr/bin/python
"""Make the DNS records of names what they shall be."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: dns_records
short_description: Make the DNS records of names what they shall be, and prove it by asking DNS
version_added: "0.3.0"
description:
  - Changes the records of all names at once, each name in one batch, which is one transaction. What is there is kept
    first, in C(dns/) beside the journal, and what was written is read back. Run again, it changes nothing.
  - Of the types A, AAAA and CNAME a name has the records that are given and no others; types that are given in no state
    are left alone.
  - Then it asks the name servers of the zone and every resolver until all say so, for at most O(seconds), and says how
    long an answer of before may still be remembered.
  - A record that belongs to a custom domain of a Worker cannot be changed as a record, and is refused.
options:
  state: {description: Which records the names get., type: str, choices: [records, failover], default: records}
  snapshot:
    description: A file that an earlier run kept. Its name gets the records in it, and no other name is looked at.
    type: str
    default: ""
  seconds: {description: Seconds to go on asking name servers and resolvers., type: float, default: 30}
  page:
    description: >-
      Address of the maintenance page that the names are led to. One that does not answer 503 with C(Retry-After) is
      refused.
    type: str
    default: ""
  step:
    description: The step of C(recovery.yml) that this is part of, for the commands that are shown.
    type: str
    choices: [failover, maintenance]
    default: failover
extends_documentation_fragment: [knowngood.run, knowngood.cloudflare, knowngood.locked, knowngood.names]
attributes:
  check_mode: {support: full, description: Then nothing is changed.}
  diff_mode: {support: full, description: The records before and after.}
"""

EXAMPLES = r"""
- name: Send visitors to the other place
  dns_records:
    environment_name: production
    state: failover
    names:
      - component: site-dns
        zone: mustbeviral.com
        name: mustbeviral.com
        records: [{type: CNAME, content: must-be-viral-production.pages.dev, proxied: true}]
        failover: [{type: A, content: 192.0.2.80, ttl: 60}]
        resolvers: [1.1.1.1, 8.8.8.8, 9.9.9.9]
    cloudflare: "{{ preflight_cloudflare }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
names:
  description: >-
    Per name C(component), C(name), C(changed), and C(old_answers), the seconds for which an answer of before may be
    remembered.
  returned: when the records are right
  type: list
  elements: dict
snapshots: {description: Files with the records of before., returned: when records are right, type: list, elements: str}
outcome: {description: How the run ends., returned: always, type: dict}
run: {description: Id of the run., returned: always, type: str}
journal: {description: File of the run's journal., returned: always, type: str}
"""

from ansible.module_utils.stage.dns_records import SPEC, work
from ansible.module_utils.stage.module import run


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
