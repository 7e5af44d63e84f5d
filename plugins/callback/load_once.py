"""Loads once what every task would otherwise load for itself."""

from __future__ import annotations

import gc
from typing import Any

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import filter_loader, lookup_loader, test_loader

DOCUMENTATION = r"""
name: load_once
type: aggregate
short_description: Loads once what every task would otherwise load for itself
version_added: "0.1.0"
description:
  - Ansible forks a process for each task, and the first template in it that uses a filter loads every filter there is,
    0.1 s of CPU and more, twenty times in a rollback. What is loaded before the first fork, all of them have.
  - What is there before the first fork stays until the end, so Python's garbage collector is told not to look through it
    again in every task (C(gc.freeze); a sixth of a rollback's time).
requirements: [enabled in C(callbacks_enabled)]
author: [Known Good maintainers (@knowngood)]
"""


class CallbackModule(CallbackBase):
    """Asks for one filter and one test: each brings all of its kind."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "load_once"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        filter_loader.get("default")
        test_loader.get("defined")
        lookup_loader.get("env")
        gc.freeze()
