"""Starts the process that sends, apart from the task that asks for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import sender
from .outbox import Outbox

__all__ = ["start"]

# What a connection to the outside needs; tokens and passwords that are in the environment are not handed on.
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "TZ",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
)
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def start(settings: Mapping[str, Any], box: Outbox) -> bool:
    """Start it; false when a process already sends for this run. Raises ``OSError``.

    It is born with the lock of the outbox, which is free again when it has ended, however it does.
    """
    lock = box.lock()
    if lock is None:
        return False
    # The folder above the package: in a module the package is in an archive, which goes away with the module.
    place = Path(sender.__file__).parents[2]
    leaves = not place.is_dir()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "module_utils.notify.sender"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if leaves else subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environ() | {"PYTHONPATH": str(place), "KNOWNGOOD_RUN": str(settings["run"])},
            start_new_session=True,
            pass_fds=[lock],
        )
    finally:
        os.close(lock)
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(json.dumps(settings).encode())
    if process.stdout is not None:
        with process.stdout:
            process.stdout.read()
    return True


def _environ() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith("LC_") or name.lower() in _PROXIES
    }
