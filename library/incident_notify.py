#!/usr/bin/python
"""Tell people how a run goes, beside the run."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: incident_notify
short_description: Tell people how a run goes, beside the run
version_added: "0.1.0"
description:
  - C(started) starts a process that follows the run's journal and tells Slack, e-mail, PagerDuty and a webhook what
    happens, to each audience in its own words. The run goes on at once, and never waits for a service.
  - C(finished) waits for what is on its way, 3 s at most, and takes the receipts into the journal.
  - C(sent) sends, in the foreground, what runs could not; and what a person says about the last incident.
  - What goes wrong with C(started) and C(finished) is a warning. It never fails the run. See C(docs/notifications.md).
options:
  state: {description: What to do., type: str, required: true, choices: [started, finished, sent]}
  channels:
    description: The channels that can be used, as the filter P(declared_notifications#filter) gives them.
    type: dict
    required: true
    suboptions:
      slack:
        description: A webhook, or the token of a bot and a channel.
        type: dict
        suboptions:
          webhook: {description: Address of an incoming webhook., type: str, default: ""}
          token: {description: "A bot's token with C(chat:write).", type: str, default: ""}
          channel: {description: "Channel, for a token.", type: str, default: ""}
          drill_webhook: {description: Address of the webhook that drills use., type: str, default: ""}
          drill_channel: {description: "Channel that drills use, for a token.", type: str, default: ""}
          api_url: {description: Where the Web API is., type: str, required: true}
      email:
        description: A mail server.
        type: dict
        suboptions:
          host: {description: Its name., type: str, required: true}
          port: {description: Its port., type: int, required: true}
          tls:
            description: How the connection is encrypted.
            type: str
            choices: [starttls, tls, none]
            default: starttls
          user: {description: User; empty for none., type: str, default: ""}
          password: {description: Password of the user., type: str, default: ""}
          from: {description: Address of the sender., type: str, required: true}
          to: {description: "Lists of addresses by audience, and those of C(drill).", type: dict, required: true}
          ca_file: {description: "CA to trust, if it is not one of the system's.", type: str, default: ""}
      pagerduty:
        description: Events API v2.
        type: dict
        suboptions:
          routing_key: {description: Integration key., type: str, required: true}
          api_url: {description: Where the API is., type: str, required: true}
      webhook:
        description: A webhook of one's own.
        type: dict
        suboptions:
          url: {description: Its address., type: str, required: true}
          secret: {description: What its messages are signed with., type: str, required: true}
          audiences: {description: Whose texts it gets., type: list, elements: str, required: true}
      grafana:
        description: Annotations in Grafana, from the opening of an incident to its end.
        type: dict
        suboptions:
          url: {description: Its address., type: str, required: true}
          token: {description: "Token of a service account that may create and write annotations.", type: str, required: true}
          dashboard: {description: UID of the dashboard; empty for all that show annotations., type: str, default: ""}
          tags: {description: Tags besides C(knowngood) and the environment., type: list, elements: str, default: []}
  contacts:
    description: The chain that is called until somebody takes the incident on, each with C(level) and C(after) in minutes.
    type: list
    elements: dict
    default: []
  prefix: {description: What the subjects of a drill begin with., type: str, default: "[DRILL]"}
  templates: {description: Folder with texts that are used instead of the shipped ones., type: str, default: ""}
  approver: {description: Role of the contact who approves texts to users., type: str, default: ""}
  problems: {description: "What is wrong with the inventory, to be shown as warnings.", type: list, elements: str, default: []}
  account_id: {description: "Account at Cloudflare, for the text to its support.", type: str, default: ""}
  acknowledge: {description: "Who takes the last incident on (C(sent)).", type: str, default: ""}
  approved_by: {description: "Who approves the last text to users (C(sent)).", type: str, default: ""}
  seconds: {description: "Seconds to go on trying (C(sent)).", type: float, default: 60}
extends_documentation_fragment: [knowngood.run]
attributes:
  check_mode: {support: full, description: Sends nothing.}
  diff_mode: {support: none}
"""

EXAMPLES = r"""
- name: Tell people how this run goes
  incident_notify:
    state: started
    environment_name: production
    channels: "{{ (hostvars[inventory_hostname] | declared_notifications).channels }}"
    contacts: "{{ (hostvars[inventory_hostname] | declared_notifications).contacts }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true

- name: Take the receipts into the journal
  incident_notify:
    state: finished
    environment_name: production
    channels: "{{ (hostvars[inventory_hostname] | declared_notifications).channels }}"
    runs_dir: "{{ runs_dir }}"
    run: "{{ run_id }}"
  run_once: true

- name: Take the last incident on
  incident_notify:
    state: sent
    acknowledge: Ann Lee
    environment_name: production
    channels: "{{ (hostvars[inventory_hostname] | declared_notifications).channels }}"
    runs_dir: "{{ runs_dir }}"
  run_once: true
"""

RETURN = r"""
run: {description: Id of the run., returned: always, type: str, sample: 20261124T213000Z-4f1c9a}
journal: {description: File of the run's journal., returned: always, type: str}
outcome: {description: How it ended., returned: with C(sent), type: dict}
"""

from ansible.module_utils.stage.module import run
from ansible.module_utils.stage.notify import SPEC, work


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
